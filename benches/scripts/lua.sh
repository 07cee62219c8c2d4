# lua: tables, strings and closures, all from realloc
# needs: lua5.4=lua5.4
env LD_PRELOAD="$LIBRARY" lua5.4 - <<'LUA'
local scale, state = tonumber(os.getenv("SCALE")), 1
local function random(n) state = (state * 1103515245 + 12345) % 2147483648; return state // 8 % n end
local words, list = {}, {}
for n = 1, 1500 * scale do
    local word = "w" .. random(20000) .. string.rep("x", random(20))
    words[word] = (words[word] or 0) + 1
    list[#list + 1] = { word = word, n = n, size = function() return #word end }
    if #list > 20000 then list = {} end
end
local keys = {}
for word in pairs(words) do keys[#keys + 1] = word end
table.sort(keys)
local sum = 0
for _, item in ipairs(list) do sum = sum + item.size() end
print(#keys, keys[1], sum, #table.concat(keys, ","):gsub("x+", "-"):upper())
LUA

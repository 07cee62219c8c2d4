# lua: tables, closures, strings
# needs: lua5.4=lua5.4
cat >work.lua <<'LUA'
local state = 12345
local function random(n) state = (state * 1103515245 + 12345) % 2147483648 return state % n end
local words, lists = {}, {}
for i = 1, 200000 do
    local word = string.rep(string.char(97 + random(26)), 1 + random(12)) .. random(500)
    words[word] = (words[word] or 0) + 1
    local slot = random(1000)
    lists[slot] = lists[slot] or {}
    table.insert(lists[slot], function() return word .. i end)
end
local keys = {}
for key in pairs(words) do keys[#keys + 1] = key end
table.sort(keys, function(a, b) return words[a] > words[b] or words[a] == words[b] and a < b end)
print(#keys, keys[1], words[keys[1]])
print(#table.concat(keys, ","), (table.concat(keys, ","):gsub("a+", "")):len())
local length = 0
for n = 0, 999 do for _, f in ipairs(lists[n] or {}) do length = length + #f() end end
print(length)
lists = nil
collectgarbage()
print(collectgarbage("count") < 65536)
LUA
lua5.4 work.lua

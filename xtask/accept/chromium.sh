# Chromium, headless: a page with scripts laid out, and its picture
# needs: chromium=chromium
# used: asked
export HOME=$PWD
cat >page.html <<'HTML'
<!doctype html><title>made</title><canvas id=c width=300 height=200></canvas><ol id=list></ol><script>
const list = document.getElementById('list');
for (let i = 0; i < 3000; i++) { const item = document.createElement('li'); item.textContent = 'item ' + i * i % 977; list.append(item); }
const all = Array.from({ length: 200000 }, (_, i) => ({ key: 'k' + i, pair: [i, i + 1] }));
document.title = JSON.parse(JSON.stringify(all)).reduce((sum, item) => sum + item.pair[1], 0);
const context = document.getElementById('c').getContext('2d');
for (let i = 0; i < 200; i++) { context.fillStyle = `hsl(${i} 80% 50%)`; context.fillRect(i, i / 2, 90, 60); }
</script>
HTML
chromium --headless --no-sandbox --disable-gpu --user-data-dir="$PWD/profile" --window-size=800,1000 \
    --dump-dom "file://$PWD/page.html" 2>/dev/null | sha256sum
chromium --headless --no-sandbox --disable-gpu --user-data-dir="$PWD/profile" --window-size=800,1000 \
    --screenshot="$PWD/page.png" "file://$PWD/page.html" 2>/dev/null
[ "$(stat -c %s page.png)" -gt 10000 ] && echo "the picture has something on it"

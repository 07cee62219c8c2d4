# node: worker threads that build, print and parse objects
# needs: node=nodejs
# used: asked
cat >workers.js <<'JS'
const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');
if (isMainThread) {
    const sums = [];
    for (let i = 0; i < 4; i++) {
        const worker = new Worker(__filename, { workerData: i });
        worker.on('message', sum => {
            sums.push(sum);
            if (sums.length === 4) console.log(sums.sort().join(' '));
        });
    }
} else {
    const all = [];
    for (let i = 0; i < 150000; i++) all.push({ key: 'x' + i * workerData, pair: [i, i + 1] });
    const copy = JSON.parse(JSON.stringify(all));
    parentPort.postMessage(copy.reduce((sum, item) => sum + item.key.length + item.pair[1], 0));
}
JS
node workers.js

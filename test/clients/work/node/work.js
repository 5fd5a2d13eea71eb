// A piece of work with dockerode. Each section's title begins with "== ".
'use strict';
const Docker = require('dockerode');
const { PassThrough } = require('stream');
const d = new Docker(); // DOCKER_HOST

const sorted = (x) => Array.isArray(x) ? x.map(sorted)
  : x && typeof x === 'object' ? Object.fromEntries(Object.keys(x).sort().map((k) => [k, sorted(x[k])])) : x;
const some = (x, ...ks) => Object.fromEntries(ks.map((k) => [k, x[k]]));
const without = (x, ...ks) => Object.fromEntries(Object.entries(x).filter(([k]) => !ks.includes(k)));
const wait = (ms) => new Promise((r) => setTimeout(r, ms));
async function show(title, f) {
  console.log('== ' + title);
  try {
    const r = await f();
    if (r !== undefined) console.log(typeof r === 'string' ? r : JSON.stringify(sorted(r), null, 1));
  } catch (e) {
    console.log('error', e.statusCode, e.reason, e.message, JSON.stringify(e.json));
  }
}
// both collects a multiplexed stream.
function both(stream) {
  return new Promise((resolve, reject) => {
    const out = new PassThrough(), err = new PassThrough(), got = { out: '', err: '' };
    out.on('data', (b) => { got.out += b; });
    err.on('data', (b) => { got.err += b; });
    d.modem.demuxStream(stream, out, err);
    stream.on('end', () => setTimeout(() => resolve(got), 50));
    stream.on('error', reject);
  });
}
const whole = (stream) => new Promise((resolve, reject) => {
  const bs = [];
  stream.on('data', (b) => bs.push(b));
  stream.on('end', () => resolve(Buffer.concat(bs)));
  stream.on('error', reject);
});
const followed = (stream) => new Promise((resolve, reject) => d.modem.followProgress(stream, (e, r) => e ? reject(e) : resolve(r)));

(async () => {
  await show('ping', async () => (await d.ping()).toString());
  await show('version', async () => some(await d.version(), 'Version', 'ApiVersion', 'MinAPIVersion', 'Os', 'Arch'));
  await show('info', async () => some(await d.info(), 'Driver', 'ServerVersion', 'Images', 'Containers', 'CgroupDriver', 'Runtimes', 'Swarm'));
  await show('run', async () => {
    const out = new PassThrough(), err = new PassThrough();
    let o = '', e = '';
    out.on('data', (b) => { o += b; });
    err.on('data', (b) => { e += b; });
    const [r, c] = await d.run('busybox', ['sh', '-c', 'echo out; echo err >&2; exit 3'], [out, err], { Tty: false });
    await c.remove();
    return { o, e, r };
  });
  const c = await d.createContainer({ Image: 'busybox', name: 'jsbox', Cmd: ['sh', '-c', 'while read l; do echo got $l; echo also $l >&2; done; exit 6'], OpenStdin: true, StdinOnce: true, Env: ['A=b'],
    ExposedPorts: { '80/tcp': {} }, HostConfig: { PortBindings: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '18084' }] }, Memory: 67108864 }, Labels: { role: 'js' } });
  await show('attach, start, write, read', async () => {
    const s = await c.attach({ stream: true, stdin: true, stdout: true, stderr: true, hijack: true });
    const got = both(s);
    await c.start();
    s.write('one\n');
    await wait(200);
    s.end('two\n');
    return { got: await got, wait: await c.wait() };
  });
  await show('logs', async () => { // without following they come whole, framed
    const b = await c.logs({ stdout: true, stderr: true });
    return JSON.stringify(b.toString('latin1').split('\n').sort());
  });
  await show('inspect', async () => without(await c.inspect(), 'GraphDriver', 'LogPath', 'HostsPath', 'HostnamePath', 'ResolvConfPath'));
  await show('remove', async () => (await c.remove()).toString());
  await show('remove again', () => c.remove());
  const k = await d.createContainer({ Image: 'busybox', name: 'jskeep', Tty: true, Cmd: ['sh', '-c', 'trap "exit 0" TERM; echo up; while :; do sleep 0.1; done'] });
  await show('start', async () => { await k.start(); });
  await show('start again', async () => (await k.start()).toString());
  await show('logs followed', async () => {
    const s = await k.logs({ follow: true, stdout: true });
    const b = await new Promise((r) => s.once('data', r));
    s.destroy();
    return JSON.stringify(b.toString());
  });
  const exec = async (o, start) => {
    const e = await k.exec(Object.assign({ AttachStdout: true, AttachStderr: true }, o));
    const s = await e.start(start || {});
    const got = o.Tty ? (await whole(s)).toString() : await both(s);
    return { got, inspect: some(await e.inspect(), 'ExitCode', 'Running', 'OpenStdin', 'ProcessConfig') };
  };
  await show('exec', () => exec({ Cmd: ['sh', '-c', 'echo one; echo two >&2; exit 4'] }));
  await show('exec with a terminal', () => exec({ Cmd: ['stty', 'size'], Tty: true }, { Tty: true, hijack: true }));
  await show('exec with input', async () => {
    const e = await k.exec({ Cmd: ['wc', '-c'], AttachStdin: true, AttachStdout: true, AttachStderr: true });
    const s = await e.start({ hijack: true, stdin: true });
    const got = both(s);
    s.end('twelve bytes');
    return got;
  });
  await show('exec what is no program', () => exec({ Cmd: ['nosuchprogram'] }));
  await show('resize', async () => { await k.resize({ h: 40, w: 100 }); });
  await show('stats', async () => Object.keys(await k.stats({ stream: false })).sort().join(' '));
  await show('top', async () => { const t = await k.top({ ps_args: '-o pid,args' }); return { Titles: t.Titles, first: t.Processes[0][1].slice(0, 5) }; });
  await show('put and get an archive', async () => {
    const tar = Buffer.alloc(1536);
    tar.write('js.txt', 0); tar.write('0000644\0', 100); tar.write('0000000\0', 108); tar.write('0000000\0', 116);
    tar.write('00000000005\0', 124); tar.write('13727410400\0', 136); tar.write('        ', 148); tar.write('0', 156); tar.write('ustar\0' + '00', 257);
    tar.write('hello', 512);
    let sum = 0;
    for (let i = 0; i < 512; i++) sum += tar[i];
    tar.write(sum.toString(8).padStart(6, '0') + '\0 ', 148);
    await k.putArchive(tar, { path: '/tmp' });
    const b = await whole(await k.getArchive({ path: '/tmp/js.txt' }));
    const i = await k.infoArchive({ path: '/tmp/js.txt' });
    return { name: b.toString('latin1', 0, 6), mode: b.toString('latin1', 100, 107), body: b.toString('latin1', 512, 517), length: b.length, stat: JSON.parse(Buffer.from(i.headers ? i.headers['x-docker-container-path-stat'] : 'e30=', 'base64').toString()) };
  });
  await show('changes', async () => (await k.changes()).map((x) => x.Kind + ' ' + x.Path).sort());
  await show('pause, unpause', async () => { await k.pause(); const a = (await k.inspect()).State.Status; await k.unpause(); return a + ' ' + (await k.inspect()).State.Status; });
  await show('update', () => k.update({ Memory: 134217728, MemorySwap: -1 }));
  await show('list', async () => (await d.listContainers({ all: true, filters: { name: ['jskeep'] } })).map((x) => without(x, 'Created', 'Status')));
  const net = await d.createNetwork({ Name: 'jsnet', CheckDuplicate: true, IPAM: { Config: [{ Subnet: '10.79.0.0/24' }] } });
  await show('network', async () => { await net.connect({ Container: 'jskeep' }); return net.inspect(); });
  await show('network remove in use', () => net.remove());
  await show('network remove', async () => { await net.disconnect({ Container: 'jskeep' }); await net.remove(); });
  await show('volume', async () => { const v = await d.createVolume({ Name: 'jsvol', Labels: { a: 'b' } }); return without(v.inspect ? await d.getVolume('jsvol').inspect() : v, 'CreatedAt'); });
  await show('volumes', async () => { const v = await d.listVolumes(); return { names: v.Volumes.map((x) => x.Name), warnings: v.Warnings }; });
  await show('volume remove', async () => { await d.getVolume('jsvol').remove(); });
  await show('commit', async () => { await k.commit({ repo: 'jsmade', tag: '1', comment: 'made' }); return without(await d.getImage('jsmade:1').inspect(), 'GraphDriver', 'ContainerConfig'); });
  await show('history', async () => (await d.getImage('jsmade:1').history()).length);
  await show('image tag, remove', async () => { await d.getImage('jsmade:1').tag({ repo: 'jsother', tag: '2' }); await d.getImage('jsother:2').remove(); return d.getImage('jsmade:1').remove(); });
  await show('image that is none', () => d.getImage('nope').inspect());
  await show('pull without a network', async () => followed(await d.pull('127.0.0.1:1/nope:1')));
  await show('events', async () => {
    const s = await d.getEvents({ filters: { container: [k.id] } });
    const seen = [];
    s.on('data', (b) => b.toString().split('\n').filter(Boolean).forEach((l) => { const e = JSON.parse(l); seen.push(e.Type + ' ' + e.Action + ' ' + (e.Actor.Attributes.exitCode || '')); }));
    await wait(300);
    await k.rename({ name: 'jskept' });
    await k.stop({ t: 5 });
    await k.remove({ v: true });
    await wait(500);
    s.destroy();
    return seen;
  });
  await show('df', async () => { const x = await d.df(); return Object.keys(x).sort().join(' '); });
  await show('prune', async () => [await d.pruneContainers(), await d.pruneVolumes(), await d.pruneNetworks()]);
  await show('swarm', () => d.swarmInspect());
  process.exit(0); // a stream of events would keep it
})();

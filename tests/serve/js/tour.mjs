// A day's work with the unmodified openEO client: node tour.mjs URL USER PASSWORD FOLDER
//
// What each stop of the tour found is printed as one JSON object; what was downloaded lies in the folder.

import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import js from '@openeo/js-client';

const [url, user, password, folder, asked] = process.argv.slice(2);
const { extent, code } = JSON.parse(asked);
const PERIOD = ['2024-01-01', '2025-01-01'];

const connection = await js.OpenEO.connect(url);

async function discover() {
  const capabilities = connection.capabilities();
  const collection = await connection.describeCollection('sentinel-2-l2a');
  return {
    version: capabilities.apiVersion(),
    unsupported: Object.keys(capabilities.featureMap).filter((name) => !capabilities.hasFeature(name)),
    providers: (await connection.listAuthProviders()).map((provider) => provider.getType()),
    collections: (await connection.listCollections()).collections.map((one) => one.id),
    bands: collection['cube:dimensions'].bands.values,
    processes: (await connection.listProcesses()).processes.map((one) => one.id),
    formats: Object.keys((await connection.listFileTypes()).getOutputTypes()),
    services: Object.keys(await connection.listServiceTypes()),
    runtimes: Object.keys(await connection.listUdfRuntimes()),
  };
}

async function logIn() {
  await connection.authenticateBasic(user, password);
  return { known: connection.isAuthenticated(), account: await connection.describeAccount() };
}

async function keepFiles() {
  const source = join(folder, 'fields.txt');
  writeFileSync(source, 'some fields');
  const file = await connection.uploadFile(source, 'borders/fields of 2024.txt');
  const listed = (await connection.listFiles()).map((one) => [one.path, one.size]);
  await file.downloadFile(join(folder, 'back.txt'));
  await file.deleteFile();
  const left = (await connection.listFiles()).map((one) => one.path);
  return { listed, left, back: readFileSync(join(folder, 'back.txt'), 'utf8') };
}

async function ndvi(format) {
  const builder = await connection.buildProcess();
  const cube = builder.load_collection('sentinel-2-l2a', extent, PERIOD, ['B04', 'B08']);
  const months = builder.aggregate_temporal_period(
    builder.ndvi(cube, 'B08', 'B04'), 'month', (data, _, child) => child.median(data));
  return builder.save_result(months, format);
}

async function validate() {
  const builder = await connection.buildProcess();
  const wrong = builder.ndvi(builder.load_collection('nowhere', null, null), 'B08', 'B04');
  return { right: await connection.validateProcess(await ndvi('GTiff')),
    wrong: await connection.validateProcess(builder.add(wrong, 1)) };
}

async function define() {
  const builder = await connection.buildProcess('ten_times');
  const x = new js.Parameter('x', 'number', 'A value.');
  const ten = builder.multiply(x, 10);
  ten.result = true;
  const made = await connection.setUserProcess('ten_times', builder.toJSON());
  await made.replaceUserProcess({ ...made.toJSON(), summary: 'Ten times' });
  const described = await (await connection.getUserProcess('ten_times')).describeUserProcess();
  const caller = await connection.buildProcess();
  const answer = await connection.computeResult(caller.process('ten_times', { x: 4 }, 'user'));
  const listed = (await connection.listUserProcesses()).map((one) => one.id);
  await described.deleteUserProcess();
  return { listed, summary: described.summary, answer: await readAll(answer.data), type: answer.type,
    left: (await connection.listUserProcesses()).length };
}

async function readAll(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

async function computeAtOnce() {
  await connection.downloadResult(await ndvi('netCDF'), join(folder, 'sync.nc'));
}

async function runJob(process, title) {
  const job = await connection.createJob(process, title, null, null, null, { log_level: 'debug' });
  const estimate = await job.estimateJob();
  await job.updateJob({ description: 'Changed before the start.' });
  await job.startJob();
  const logs = [];
  await new Promise((resolve, reject) => {
    const stop = job.monitorJob((_, lines) => {
      logs.push(...lines);
      if (['finished', 'error', 'canceled'].includes(job.status)) { stop(); resolve(); }
    }, 1);
    setTimeout(() => { stop(); reject(new Error(`${title}: ${job.status}`)); }, 120000).unref();
  });
  return { job, estimate, logs };
}

async function work() {
  const { job, estimate, logs } = await runJob(await ndvi('GTiff'), 'NDVI');
  const stac = await job.getResultsAsStac();
  const target = join(folder, 'job');
  mkdirSync(target);
  const files = await job.downloadResults(target);
  const listed = await connection.paginateJobs(1).nextPage();
  const again = await connection.buildProcess();
  const canonical = stac.links.find((link) => link.rel === 'canonical').href;
  const reload = again.save_result(again.load_stac(canonical), 'netCDF');
  await connection.downloadResult(reload, join(folder, 'reloaded.nc'));
  await job.deleteJob();
  return { status: job.status, description: job.description, estimate, logs, stac, files: files.length,
    page: listed.length, left: (await connection.listJobs()).map((one) => one.id).includes(job.id) };
}

async function runCode() {
  const builder = await connection.buildProcess();
  const cube = builder.load_collection('sentinel-2-l2a', extent, PERIOD, ['B04']);
  const doubled = builder.apply(cube, (x, context, child) => child.run_udf(x, code, 'Python'));
  const { job, logs } = await runJob(builder.save_result(doubled, 'netCDF'), 'double');
  const target = join(folder, 'udf');
  mkdirSync(target);
  const [file] = await job.downloadResults(target);
  copyFileSync(file, join(folder, 'double.nc'));
  await job.deleteJob();
  return { status: job.status, logs };
}

async function serve() {
  const builder = await connection.buildProcess();
  const cube = builder.load_collection('sentinel-2-l2a', extent, ['2024-04-01', '2024-07-01'], ['B04', 'B08']);
  const graph = builder.ndvi(cube, 'B08', 'B04');
  const style = { colormap: 'ndvi', min: 0, max: 1 };
  const service = await connection.createService(graph, 'xyz', 'NDVI', null, true, style);
  await service.updateService({ title: 'Greenness' });
  const listed = (await connection.listServices()).map((one) => one.id).includes(service.id);
  const logs = await service.debugService().nextLogs();
  const made = { id: service.id, url: service.url, title: service.title, enabled: service.enabled };
  await service.deleteService();
  const left = (await connection.listServices()).map((one) => one.id).includes(service.id);
  return { made, listed, logs, left };
}

const found = {};
for (const stop of [discover, logIn, keepFiles, validate, define, computeAtOnce, work, runCode, serve]) {
  if (stop === runCode && !code) continue;
  try {
    found[stop.name] = (await stop()) ?? null;
  } catch (error) { // whole, it is a thousand lines of connections
    console.error(`${stop.name}: ${error.message}\n${error.stack}`);
    process.exit(1);
  }
}
console.log(JSON.stringify(found));

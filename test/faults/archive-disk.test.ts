import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type MountedFolder, mountFolder } from '../support/mounted-folder.js';
import {
  type ArchiveScene,
  addBlobs,
  expectNothingLeft,
  expectSealed,
  openArchiveScene,
  sealHere,
  withStore,
} from './archive/scene.js';

const mount = await mountFolder({ type: 'tmpfs', sizeBytes: 8 * 1024 * 1024 });
const isMounted = typeof mount !== 'string';
const name = 'a store on a disk that is full';

describe.skipIf(!isMounted)(isMounted ? name : `${name} (${mount})`, () => {
  let scene: ArchiveScene;
  let folder: ArchiveScene;
  beforeAll(async () => {
    folder = await openArchiveScene();
    const location = join((mount as MountedFolder).path, 'store');
    scene = withStore(folder, { location, env: {} });
    await sealHere(scene, 'small');
  });
  afterAll(async () => {
    await folder?.close();
    await (mount as MountedFolder).remove();
  });

  it('ends a checkpoint with 6, keeps what was sealed, and leaves nothing', async () => {
    await addBlobs(folder, 12);
    const victim = scene.start(['checkpoint', '--tag', 'large', '--no-drill', '--json']);
    const { exitCode, output } = await victim.ended;
    expect(output).toContain('"DISK_FULL"');
    expect(exitCode).toBe(6);
    await expectSealed(scene);
    await expectNothingLeft(scene);
  });

  it('also where the drill has begun', async () => {
    const args = ['checkpoint', '--tag', 'large', '--drill-server', scene.server.adminUrl];
    const { exitCode, output } = await scene.start([...args, '--json']).ended;
    expect(output).toContain('"DISK_FULL"');
    expect(exitCode).toBe(6);
    await expectSealed(scene);
    await expectNothingLeft(scene);
  });

  it('ends a push with 6 and leaves nothing', async () => {
    await sealHere(folder, 'large');
    const { exitCode, output } = await folder.start([
      ...['push', 'large', '--to', scene.env.BELAY_STORE ?? '', '--json'],
    ]).ended;
    expect(output).toContain('"DISK_FULL"');
    expect(exitCode).toBe(6);
    await expectSealed(scene);
    await expectNothingLeft(scene);
  });
});

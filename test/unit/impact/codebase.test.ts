import { execFileSync } from 'node:child_process';
import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { goneNames } from '../../../src/domain/codebase/code-name.js';
import { findLiterals } from '../../../src/domain/codebase/string-literals.js';
import { searchCodebase } from '../../../src/features/plan/search-codebase.js';
import { failure } from '../../support/failure.js';
import { sampleImpact, samplePlan } from '../../support/sample-impact.js';
import { makeTempFolder } from '../../support/temp-folder.js';

const email = { schema: 'public', table: 'users', column: 'email' };
const users = { schema: 'public', table: 'users', column: null };

/** `file:line confidence` of each place. */
async function search(files: Readonly<Record<string, string>>, names = [email]) {
  const { mentions } = await searchCodebase(makeTempFolder(files), names as never);
  return mentions.map(({ file, line, confidence }) => `${file}:${line} ${confidence}`);
}

const inFile = async (name: string, text: string, names = [email]) =>
  (await search({ [name]: text }, names)).map((place) => place.slice(name.length + 1));

describe('searchCodebase', () => {
  it.each([
    ['a.ts', 'db.query(`\n  SELECT u.id,\n    u.email FROM users u WHERE id = \x24{id}`);', '3'],
    ['a.py', 'cur.execute("""\n  UPDATE users SET email = %s\n""", (x,))', '2'],
    ['a.py', "cur.execute('SELECT id, '\n  'email FROM users WHERE id = %(id)s')", '2'],
    ['a.rb', 'exec(<<~SQL)\n  SELECT email FROM users\n  WHERE id = #{id}\nSQL', '2'],
    ['a.go', 'db.Query(`SELECT email FROM public.users WHERE id = $1`)', '1'],
    ['A.java', 'q = "INSERT INTO users (id, email) " +\n    "VALUES (?, :email)";', '1'],
    ['a.php', "$sql = 'DELETE FROM users WHERE email = ?';", '1'],
    ['q.sql', '-- email\nSELECT 1;\nSELECT email\n  FROM users;', '3'],
    ['a.rs', 'sqlx::query(r#"select "email" from users"#)', '1'],
  ])('finds a column in SQL: %s %j', async (file, text, line) => {
    const [place] = await inFile(file, text);
    expect(place).toBe(`${line} high`);
  });

  it('goes by what SQL means, not by its words', async () => {
    expect(
      await inFile('a.ts', "q('SELECT c.email FROM users u JOIN customers c ON true')"),
    ).toEqual([]);
    expect(await inFile('a.ts', "q('SELECT email FROM other.users')")).toEqual([]);
    expect(await inFile('a.ts', "q('SELECT email FROM users JOIN b ON true')")).toEqual([
      '1 medium',
    ]);
    expect(await inFile('a.ts', "q('SELECT * FROM users') // email")).toEqual(['1 low']);
    expect(await inFile('a.ts', "q('SELECT * FROM users'); x.email")).toContain('1 low');
    expect(
      await inFile('a.ts', '// SELECT email FROM users\n/* "SELECT email FROM users" */'),
    ).toEqual([]);
    expect(await inFile('a.ts', "q('SELECT email_address, xemail FROM users')")).toEqual([]);
  });

  it('finds what is no SQL for PostgreSQL’s grammar by its words', async () => {
    expect(await inFile('a.ts', "q('SELECT email FROM users WHERE $[cond:raw]]')")).toEqual([
      '1 medium',
    ]);
  });

  it('finds fields of Prisma under the names of the database', async () => {
    const schema = `// email
model User {
  id    Int     @id
  mail  String? @map("email") // old
  email2 String
  @@map("users")
}
model Customer {
  email String
}`;
    const { mentions } = await searchCodebase(makeTempFolder({ 'prisma/schema.prisma': schema }), [
      email,
      users,
    ]);
    expect(mentions.map(({ line, what }) => [line, what])).toEqual([
      [2, 'Prisma model User'],
      [4, 'Prisma model User, field mail'],
    ]);
  });

  it.each([
    [
      "export const users = pgTable('users', {\n  id: serial('id'),\n  mail: text('email').notNull(),\n});",
      3,
    ],
    ["pgTable('users', (t) => ({\n  id: t.serial(),\n  email: t.text(),\n}))", 3],
    ["schema.table('users', { id: serial(), email: text() })", 1],
  ])('finds columns of Drizzle: %j', async (text, line) => {
    const { mentions } = await searchCodebase(makeTempFolder({ 'schema.ts': text }), [email]);
    expect(mentions).toContainEqual(
      expect.objectContaining({
        line,
        confidence: 'high',
        what: expect.stringMatching(/^Drizzle table users, /),
      }),
    );
  });

  it('does not take a column of another Drizzle table', async () => {
    const text =
      "pgTable('users', { id: serial() });\n\n\npgTable('customers', {\n  mail: text('email') })";
    const { mentions } = await searchCodebase(makeTempFolder({ 'schema.ts': text }), [email]);
    expect(mentions.filter(({ confidence }) => confidence === 'high')).toEqual([]);
  });

  it.each([
    ['typeorm.ts', "@Entity('users')\nclass User {\n  @Column()\n  email: string;\n}", 4],
    [
      'sequelize.js',
      "sequelize.define('User', {\n  email: DataTypes.TEXT,\n}, { tableName: 'users' })",
      2,
    ],
    ['knex.ts', "knex('users')\n  .where('email', x)", 2],
    [
      'models.py',
      "class User(models.Model):\n    email = models.EmailField()\n\n    class Meta:\n        db_table = 'users'",
      2,
    ],
    [
      'sqlalchemy.py',
      "class User(Base):\n    __tablename__ = 'users'\n    mail = Column('email', String)",
      3,
    ],
    [
      'User.java',
      '@Table(name = "users")\nclass User {\n  @Column(name = "email")\n  String mail;\n}',
      3,
    ],
    [
      'User.php',
      "class User extends Model {\n  protected $table = 'users';\n  protected $fillable = ['email'];\n}",
      3,
    ],
  ])('finds what names table and column near each other: %s', async (file, text, line) => {
    expect(await inFile(file, text)).toContain(`${line} medium`);
  });

  it('finds the model of a convention, less surely', async () => {
    const text = 'class User < ApplicationRecord\n  validates :email, presence: true\nend';
    expect(await inFile('user.rb', text)).toEqual(['2 low']);
    expect(await inFile('user.rb', text, [users as never])).toEqual(['1 low']);
  });

  it('says nothing of a file that does not name the table', async () => {
    expect(await inFile('a.ts', "send({ email: x }, 'email');")).toEqual([]);
  });

  it('finds tables', async () => {
    const names = [users as never];
    expect(await inFile('a.ts', "q('TRUNCATE users'); knex('users'); f('users')", names)).toEqual([
      '1 high',
    ]);
    expect(await inFile('a.ts', "f(\n'users')", names)).toEqual(['2 medium']);
    expect(await inFile('a.ts', "f('public.users')", names)).toEqual(['1 medium']);
    expect(await inFile('a.ts', "f('users_old', 'the users of')", names)).toEqual([]);
  });

  it('leaves out what others wrote, what was built, and migrations', async () => {
    const sql = "q('SELECT email FROM users')";
    const files = [
      'node_modules/x/a.js',
      'dist/a.js',
      '.next/a.js',
      'db/migrate/1.rb',
      'migrations/1.sql',
    ];
    const all = Object.fromEntries([...files, 'a.min.js', 'src/a.js'].map((file) => [file, sql]));
    expect(await search({ ...all, 'note.txt': sql })).toEqual(['src/a.js:1 high']);
  });

  it('reads no large, binary or linked files', async () => {
    const sql = "q('SELECT email FROM users')\n";
    const folder = makeTempFolder({
      'large.js': sql.repeat(50_000),
      'binary.js': `${sql}\0`,
      'a.js': sql,
    });
    const outside = makeTempFolder({ 'secret.js': sql });
    symlinkSync(join(outside, 'secret.js'), join(folder, 'link.js'));
    symlinkSync(outside, join(folder, 'linked'));
    const { mentions } = await searchCodebase(folder, [email]);
    expect(mentions.map(({ file }) => file)).toEqual(['a.js']);
  });

  it('goes by .gitignore in a repository', async () => {
    const sql = "q('SELECT email FROM users')\n";
    const folder = makeTempFolder({ '.gitignore': 'gen/\n', 'gen/a.js': sql, 'é b.js': sql });
    execFileSync('git', ['init', '-q'], { cwd: folder });
    writeFileSync(join(folder, 'later.js'), sql);
    const { mentions, filesSearched } = await searchCodebase(folder, [email]);
    expect(mentions.map(({ file }) => file)).toEqual(['later.js', 'é b.js']);
    expect(filesSearched).toBe(2);
  });

  it('gives the surest places first, and says how many it left out', async () => {
    const files = { 'a.ts': "f('users'); x.email", 'b.ts': "q('SELECT email FROM users')" };
    const { mentions, notes } = await searchCodebase(makeTempFolder(files), [email], { limit: 1 });
    expect(mentions).toMatchObject([{ file: 'b.ts', text: "q('SELECT email FROM users')" }]);
    expect(notes).toContain('1 less sure places were left out');
  });

  it('leaves out the files that are planned', async () => {
    const folder = makeTempFolder({ 'a.sql': 'ALTER TABLE users DROP email' });
    const except = [join(folder, 'a.sql')];
    expect((await searchCodebase(folder, [email], { except })).mentions).toEqual([]);
    expect((await searchCodebase(folder, [email])).mentions).toHaveLength(1);
  });

  it('needs a folder, and can be interrupted', async () => {
    await failure(searchCodebase('/no/where', [email]), 'FILE_ERROR');
    const folder = makeTempFolder({ 'a.ts': '' });
    const signal = AbortSignal.abort();
    await failure(searchCodebase(folder, [email], { signal }), 'INTERRUPTED');
  });
});

describe('goneNames', () => {
  it('has what a plan drops or renames, each once', () => {
    const gone = (rule: string, object: string) => sampleImpact({ rule, object });
    const plan = samplePlan([
      [gone('drop-column', 'public.users.email'), gone('drop-column', 'public.users.email')],
      [gone('rename-table', 'app."My.Table"')],
      [gone('create-table', 'public.a'), gone('drop-table', 'sessions')],
    ]);
    expect(goneNames(plan)).toEqual([
      email,
      { schema: 'app', table: 'My.Table', column: null },
      { schema: null, table: 'sessions', column: null },
    ]);
  });
});

describe('findLiterals', () => {
  it.each([
    ['ts', "a = 'x' + \"y\"; // 'no'\n`t \x24{f('}')} u`", ['xy', "t \x24{f('}')} u"]],
    ['ts', "it's\n'x'", ['x']],
    ['py', "'''a\n'b' ''' # 'no'", ["a\n'b' "]],
    ['go', '`a\\` + x', ['a\\']],
    ['rb', '"#{x} # no comment"', ['#{x} # no comment']],
    ['php', "$a = 'x' . 'y';", ['xy']],
    ['cs', '"""\nSELECT "a"\n"""', ['\nSELECT "a"\n']],
    ['xyz', "'a'", []],
  ])('%s: %j', (extension, text, expected) => {
    expect(findLiterals(text, extension).map(({ value }) => value)).toEqual(expected);
  });
});

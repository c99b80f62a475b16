/** A table of ten columns as an application has it, with a key: what records are lost from in these measurements. */
export const peopleSql = (rows: number) => `
  DROP TABLE IF EXISTS public.people;
  CREATE TABLE public.people (id bigint, name text, email text, phone text, age int, city text, balance numeric(12,2),
    created timestamptz, active boolean, note text);
  INSERT INTO public.people
  SELECT n, 'name ' || n, 'somebody.' || n || '@example.org', '+43 660 ' || n, n % 90, 'city ' || n % 1000, n * 1.25,
         '2020-01-01'::timestamptz + n * interval '1 second', n % 2 = 0, repeat('x', n % 30)
    FROM generate_series(1, ${rows}) n;
  ALTER TABLE public.people ADD PRIMARY KEY (id)`;

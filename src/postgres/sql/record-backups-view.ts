/**
 * A view for reading what is kept, whatever the columns of its table are. The tables differ, and some are gone: so the view joins the
 * registry with a function that reads one backup's table. A condition on the registry's columns is applied before the
 * function is called, so that a thousand backups cost nothing when one is asked for. Values are shown as JSON shows them; what
 * is put back never passes through here.
 */
export const backedUpRecordsSql = `
  CREATE FUNCTION belay.records_of_backup(backup_id bigint)
    RETURNS TABLE (row_id json, record json, after json)
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $function$
  DECLARE
    b record;
    own text;
    changes text;
  BEGIN
    SELECT r.data_table, r.columns, r.snapshot_type INTO b FROM belay.record_backups r WHERE r.id = backup_id;
    IF b.data_table IS NULL OR to_regclass('belay.' || quote_ident(b.data_table)) IS NULL THEN
      RETURN;
    END IF;
    SELECT string_agg(format('(%L, to_json(d.%I))', c->>'name', c->>'before'), ', ') INTO own
      FROM json_array_elements(b.columns) AS c WHERE (c->>'isKey')::boolean;
    -- What came out the same is no change. By the bytes: not every type has an equality, and -0 equals 0.
    SELECT string_agg(format('(%L, to_json(d.%I), %s, %s)', c->>'name', c->>'before',
             CASE WHEN c->>'after' IS NULL THEN 'NULL::json' ELSE format('to_json(d.%I)', c->>'after') END,
             -- The cast keeps the rows from being compared column by column. A conversion's have two types.
             CASE WHEN c->>'after' IS NULL OR b.snapshot_type = 'conversion' THEN 'true'
                  ELSE format('ROW(d.%I)::record *<> ROW(d.%I)::record', c->>'before', c->>'after') END), ', ') INTO changes
      FROM json_array_elements(b.columns) AS c
     WHERE b.snapshot_type IN ('table', 'delete', 'truncate') OR NOT (c->>'isKey')::boolean OR c->>'after' IS NOT NULL;
    RETURN QUERY EXECUTE format(
      'SELECT %s, %s, %s FROM belay.%I AS d',
      CASE WHEN own IS NULL THEN 'NULL::json'
           ELSE format('(SELECT json_object_agg(c.name, c.value) FROM (VALUES %s) AS c (name, value))', own) END,
      CASE WHEN changes IS NULL THEN 'NULL::json'
           ELSE format('(SELECT json_object_agg(c.name, c.before) FROM (VALUES %s) AS c (name, before, after, differs) WHERE c.differs)', changes) END,
      CASE WHEN changes IS NULL OR b.snapshot_type NOT IN ('conversion', 'update') THEN 'NULL::json'
           ELSE format('(SELECT json_object_agg(c.name, c.after) FROM (VALUES %s) AS c (name, before, after, differs) WHERE c.differs)', changes) END,
      b.data_table);
  END
  $function$;
  REVOKE ALL ON FUNCTION belay.records_of_backup(bigint) FROM PUBLIC;
  COMMENT ON FUNCTION belay.records_of_backup(bigint) IS 'The records of one backup of belay.record_backups, as JSON';
  CREATE VIEW belay.backed_up_records AS
    SELECT b.id AS backup_id, b.migration_version, b.statement, b.table_schema, b.table_name, b.column_name, b.snapshot_type,
           b.created_at, r.row_id, r.record, r.after
      FROM belay.record_backups AS b CROSS JOIN LATERAL belay.records_of_backup(b.id) AS r;
  COMMENT ON VIEW belay.backed_up_records IS 'What migrations removed, one row a record: for reading';
  REVOKE ALL ON belay.backed_up_records FROM PUBLIC;`;

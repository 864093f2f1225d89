-- the newest psqlODBC writes operators with their schema: primary key
select ta.attname, ia.attnum, ic.relname, n.nspname, tc.relname
from pg_catalog.pg_attribute ta, pg_catalog.pg_attribute ia, pg_catalog.pg_class tc, pg_catalog.pg_index i,
    pg_catalog.pg_namespace n, pg_catalog.pg_class ic
where tc.relname operator(pg_catalog.=) 'budget' AND n.nspname operator(pg_catalog.=) 'ekonomi'
    AND tc.oid operator(pg_catalog.=) i.indrelid AND n.oid operator(pg_catalog.=) tc.relnamespace
    AND i.indisprimary operator(pg_catalog.=) 't' AND ia.attrelid operator(pg_catalog.=) i.indexrelid
    AND ta.attrelid operator(pg_catalog.=) i.indrelid AND ta.attnum operator(pg_catalog.=) i.indkey[ia.attnum-1]
    AND ia.attnum operator(pg_catalog.<=) i.indnkeyatts
    AND (NOT ta.attisdropped) AND (NOT ia.attisdropped) AND ic.oid operator(pg_catalog.=) i.indexrelid
order by ia.attnum
;

-- the newest psqlODBC: special columns by a slice of the key
select a.attname, a.atttypid, a.atttypmod
from pg_catalog.pg_attribute a, pg_catalog.pg_index i
where a.attrelid operator(pg_catalog.=) i.indrelid and i.indisprimary
    and a.attnum = ANY (i.indkey[0:(i.indnkeyatts - 1)])
    and i.indrelid operator(pg_catalog.=) {budget}
;

-- psqlODBC: privileges on a table
select relname, usename, relacl, nspname from pg_catalog.pg_namespace, pg_catalog.pg_class, pg_catalog.pg_user
where nspname = 'ekonomi' and relname = 'budget' and pg_namespace.oid = relnamespace and relkind in ('r', 'v', 'm', 'f', 'p')
    and (not has_table_privilege(pg_class.oid, 'select') or true)
order by nspname, relname, usename
;

-- psqlODBC: column privileges
select '' as TABLE_CAT, table_schema as TABLE_SCHEM, table_name as TABLE_NAME, column_name, grantor, grantee,
    privilege_type as PRIVILEGE, is_grantable
from information_schema.column_privileges
where table_schema = 'ekonomi' and table_name like 'bud%'
;

-- DBeaver: schemas with everything of a relation
SELECT n.oid,n.*,d.description FROM pg_catalog.pg_namespace n
LEFT OUTER JOIN pg_catalog.pg_description d ON d.objoid=n.oid AND d.objsubid=0 AND d.classoid='pg_namespace'::regclass
ORDER BY nspname
;

-- DBeaver: tables with sizes
select c.oid, c.relname, pg_catalog.pg_total_relation_size(c.oid) as total_rel_size, pg_catalog.pg_relation_size(c.oid) as rel_size,
    pg_catalog.pg_stat_get_numscans(c.oid) as seq, pg_catalog.pg_get_partkeydef(c.oid) as partition_key
FROM pg_class c WHERE c.relnamespace={ekonomi} and c.relkind not in ('i','I','c')
;

-- Metabase: what the user may do
select n.nspname as schema, c.relname as name,
    has_any_column_privilege(current_user, '"' || replace(n.nspname, '"', '""') || '"."' || replace(c.relname, '"', '""') || '"', 'update') as update,
    has_schema_privilege(current_user, n.nspname, 'usage') as usage
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on c.relnamespace = n.oid
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and c.relkind in ('r', 'p', 'v', 'f', 'm')
;

-- Metabase: rows by statistics
select n_live_tup from pg_stat_user_tables where schemaname = 'ekonomi' and relname = 'budget'
;

-- Metabase: comments
select col_description(cast(cast(format('%I.%I', table_schema, table_name) as regclass) as oid), ordinal_position) c
from information_schema.columns where table_schema = 'ekonomi' and table_schema !~ '^information_schema|catalog_history|pg_'
;

-- Grafana: tables on the search path
SELECT CASE WHEN quote_ident(table_schema) IN (
        SELECT CASE WHEN trim(s[i]) = '"$user"' THEN user ELSE trim(s[i]) END
        FROM generate_series(array_lower(string_to_array(current_setting('search_path'), ','), 1),
            array_upper(string_to_array(current_setting('search_path'), ','), 1)) as i,
            string_to_array(current_setting('search_path'), ',') s)
    THEN quote_ident(table_name) ELSE quote_ident(table_schema) || '.' || quote_ident(table_name) END AS "table"
FROM information_schema.tables
WHERE quote_ident(table_schema) NOT IN ('information_schema', 'pg_catalog', '_timescaledb_cache')
ORDER BY 1
;

-- Grafana: the server's version
SELECT current_setting('server_version_num')::int/100 as version
;

-- SQLAlchemy 1.4: indexes
SELECT i.relname as relname, ix.indisunique, ix.indexprs, a.attname, a.attnum, c.conrelid, ix.indkey::varchar, ix.indoption::varchar,
    i.reloptions, am.amname, ix.indnkeyatts as indnkeyatts
FROM pg_class t join pg_index ix on t.oid = ix.indrelid join pg_class i on i.oid = ix.indexrelid
    left outer join pg_attribute a on t.oid = a.attrelid and a.attnum = ANY(ix.indkey)
    left outer join pg_constraint c on (ix.indrelid = c.conrelid and ix.indexrelid = c.conindid and c.contype in ('p', 'u', 'x'))
    left outer join pg_am am on i.relam = am.oid
WHERE t.relkind IN ('r', 'v', 'f', 'm', 'p') and t.oid = {budget} and ix.indisprimary = 'f'
ORDER BY t.relname, i.relname
;

-- Superset: columns of an index in order
select i.relname, array_agg(a.attname order by k.n) from pg_index x
join pg_class i on i.oid = x.indexrelid
join (select indexrelid, unnest(indkey) as attnum, generate_subscripts(indkey, 1) as n from pg_index) k on k.indexrelid = x.indexrelid
join pg_attribute a on a.attrelid = x.indrelid and a.attnum = k.attnum
group by i.relname order by 1
;

-- pgcli: foreign keys
SELECT s_p.nspname AS parentschema, t_p.relname AS parenttable,
    unnest((select array_agg(attname ORDER BY i) from (select unnest(confkey) as attnum, generate_subscripts(confkey, 1) as i) x
        JOIN pg_catalog.pg_attribute c USING(attnum) WHERE c.attrelid = fk.confrelid)) AS parentcolumn
FROM pg_catalog.pg_constraint fk
JOIN pg_catalog.pg_class t_p ON t_p.oid = fk.confrelid
JOIN pg_catalog.pg_namespace s_p ON s_p.oid = t_p.relnamespace
WHERE fk.contype = 'f'
;

-- dbt: relations that depend on others
with relation as (select pg_rewrite.ev_class as class, pg_rewrite.oid as id from pg_rewrite),
class as (select oid as id, relname as name, relnamespace as schema, relkind as kind from pg_class),
dependency as (select distinct pg_depend.objid as id, pg_depend.refobjid as ref from pg_depend),
schema as (select pg_namespace.oid as id, pg_namespace.nspname as name from pg_namespace where nspname != 'information_schema' and nspname not like 'pg\_%'),
referenced as (select relation.id AS id, referenced_class.name, referenced_class.schema, referenced_class.kind
    from relation join class as referenced_class on relation.class=referenced_class.id where referenced_class.kind in ('r', 'v', 'm')),
relationships as (select referenced.name as referenced_name, referenced.schema as referenced_schema_id,
    dependent_class.name as dependent_name, dependent_class.schema as dependent_schema_id, referenced.kind as kind
    from referenced join dependency on referenced.id=dependency.id
    join class as dependent_class on dependency.ref=dependent_class.id
    where (referenced.name != dependent_class.name or referenced.schema != dependent_class.schema))
select referenced_schema.name as referenced_schema, relationships.referenced_name as referenced_name,
    dependent_schema.name as dependent_schema, relationships.dependent_name as dependent_name
from relationships join schema as dependent_schema on relationships.dependent_schema_id=dependent_schema.id
join schema as referenced_schema on relationships.referenced_schema_id=referenced_schema.id
group by referenced_schema, referenced_name, dependent_schema, dependent_name
order by referenced_schema, referenced_name, dependent_schema, dependent_name
;

-- dbt: tables, views and materialized views of a schema
select 'lis' as database, tablename as name, schemaname as schema, 'table' as type from pg_tables where schemaname ilike 'ekonomi'
union all
select 'lis' as database, viewname as name, schemaname as schema, 'view' as type from pg_views where schemaname ilike 'ekonomi'
union all
select 'lis' as database, matviewname as name, schemaname as schema, 'materialized_view' as type from pg_matviews where schemaname ilike 'ekonomi'
;

-- psycopg: hstore
SELECT t.oid, typarray FROM pg_type t JOIN pg_namespace ns ON typnamespace = ns.oid WHERE typname = 'hstore'
;

-- psycopg 3: a type by name
SELECT typname AS name, oid, typarray AS array_oid, oid::regtype::text AS regtype, typdelim AS delimiter
FROM pg_type t WHERE t.oid = to_regtype('int4') ORDER BY t.oid
;

-- OLE DB: columns with precision by information_schema's functions
SELECT att.attname, information_schema._pg_numeric_precision(att.atttypid, att.atttypmod) AS p,
    information_schema._pg_char_max_length(att.atttypid, att.atttypmod) AS l
FROM pg_attribute att WHERE att.attrelid = {budget} AND att.attisdropped IS FALSE AND att.attnum > 0
;

-- Excel: names like a pattern with an escape
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname NOT LIKE E'pg\\_%' AND c.oid::varchar LIKE '1%'
;

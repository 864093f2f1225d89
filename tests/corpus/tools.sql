-- what tools generate for a person: wrapped subqueries, quoted names, casts, parameters, cursors, settings
select "_"."namnd" as "namnd", "_"."namn" as "namn" from "org"."namnd" "_" order by "_"."namnd" limit 1000 offset 0;
select "t0"."namnd", sum("t0"."belopp") as "a0" from ( select "namnd", "belopp" from "ekonomi"."verifikationsrad" where "period" >= 202401 and not "projekt" is null ) "t0" group by "t0"."namnd" order by "t0"."namnd" limit 101;
select "rows"."konto" as "konto", "rows"."klass" as "klass" from ( select "konto", "klass" from ( select "_"."konto", "_"."namn", "_"."klass" from "org"."konto" "_" where "_"."klass" = '5' and "_"."klass" is not null ) "_" ) "rows" group by "konto", "klass" order by 1;
select top.* from (select "konto", count(1) as "C1" from "ekonomi"."budget" group by "konto") as top order by "C1" desc, "konto" asc nulls last limit 3;
select cast("verifikationsrad"."period" as text) as "period", sum("verifikationsrad"."belopp") as "sum:belopp:ok" from "ekonomi"."verifikationsrad" "verifikationsrad" group by 1 order by 1;
select (cast("kalender"."forsta_dag" as date) + -1 * interval '1 day') as d, cast(date_trunc('QUARTER', cast("kalender"."forsta_dag" as date)) as date) as "tqr:forsta_dag:ok" from org.kalender kalender where ar = 2024 and manad < 4 order by 1;
select date_trunc('week', cast("bokforingsdatum" as timestamp)) as "bokforingsdatum", count(*) as "count" from "ekonomi"."verifikationsrad" where ("bokforingsdatum" >= timestamp '2024-01-01 00:00:00.000' and "bokforingsdatum" < timestamp '2024-03-01 00:00:00.000') group by date_trunc('week', cast("bokforingsdatum" as timestamp)) order by date_trunc('week', cast("bokforingsdatum" as timestamp)) asc;
select "source"."namn" as "namn", "source"."sum" as "sum" from (select "Konto"."namn" as "namn", sum("v"."belopp") as "sum" from "ekonomi"."verifikationsrad" as "v" left join "org"."konto" as "Konto" on "v"."konto" = "Konto"."konto" group by "Konto"."namn") as "source" where "source"."sum" > 100000 order by "source"."sum" desc limit 2000;
select sum(1) as "sum:Number of Records:ok" from org.konto having (count(1) > 0);
select 1 as "cnt" from (select 1) "x" where 1 = 0;
select * from (select * from org.namnd) as x where 1 = 0;
select count(*) from (select distinct "namnd", "konto" from "ekonomi"."budget") t;
select min("period") as lo, max("period") as hi, count(distinct "period") as cd from "ekonomi"."budget";
select distinct "t"."slag" from "org"."forvaltning" as "t" where "t"."slag" is not null order by 1;
select case when "slag" in ('stadsdel') then 1 when not ("slag" in ('stadsdel')) then 0 else null end as "Calc", count(*) from org.forvaltning group by 1 order by 1;
select (case when 0 = 1 then null else sum(belopp) end) as x, (case when (case when 1 = 1 then true end) then 'ja' end) as y from ekonomi.budget;
select a.c1, a.c2 from (select konto as c1, row_number() over (order by konto asc) as c2 from org.konto) a where a.c2 between 3 and 5 order by a.c2;
select t.*, row_number() over () > 0 as r from (select namnd from org.namnd order by 1 limit 2) t;
select * from (select x.*, rank() over (partition by namnd order by belopp desc) as rnk from (select namnd, konto, sum(belopp) as belopp from ekonomi.budget group by 1, 2) x) y where rnk <= 1 order by namnd, konto;
with "src" as (select * from ekonomi.budget), "agg" as (select "namnd", sum("belopp") as "b" from "src" group by "namnd"), "final" as (select * from "agg" where "b" <> 0) select * from "final" order by 1;
with a as materialized (select namnd from org.namnd), b as not materialized (select * from a) select count(*) from a join b using (namnd);
select namnd, sum(belopp) from ekonomi.budget where true and (1 = 1) and namnd like '%' escape '~' group by namnd order by namnd;
select * from org.namnd where ((("namnd" = '01') or ("namnd" = '12'))) and (upper("namn") like upper('%k%')) order by "namnd" asc;
select * from org.konto where lower(namn) like lower('%LÖN%') and namn not ilike '%timme%';
select konto from org.konto where konto in ('50100', '50200', null) order by konto;
select konto from org.konto where (klass, grupp) = ('5', '50') and konto between '50000' and '50999' order by konto;
-- parameters: 12 | 202403
select konto, belopp from ekonomi.budget where namnd = $1 and period = $2 order by konto;
-- parameters: 2024-01-01 | 2024-02-01
select count(*), sum(belopp) from ekonomi.verifikationsrad where bokforingsdatum >= $1 and bokforingsdatum < $2;
-- parameters: null
select count(*) from ekonomi.verifikationsrad where ($1::text is null or namnd = $1);
-- parameters: {01,12}
select namn from org.namnd where namnd = any($1) order by 1;
-- parameters: 5 | 2
select unique1 from v.tusen where ten = 3 order by unique1 limit $1 offset $2;
-- parameters: %konto%
select count(*) from org.forvaltning where namn ilike $1;
-- parameters: 3.5 | 2
select $1::numeric * $2::int as x, $1::float8 / 2 as y;
-- parameters: 2024-02-10
select date_trunc('month', $1::date)::date as m, ($1::date + interval '1 month')::date as n;
-- parameters: 10
select konto, sum(belopp) from ekonomi.budget group by konto having count(*) > $1 order by konto limit 2;
-- parameters: x
select coalesce($1, 'y') as a, $1 || '!' as b, length($1) as c;
prepare p_tools (text, int) as select count(*) from ekonomi.budget where namnd = $1 and period > $2;
execute p_tools('12', 202406);
execute p_tools('61', 202412);
deallocate p_tools;
begin read only;
declare c_tools no scroll cursor for select unique1 from v.tusen where unique1 < 12 order by unique1;
fetch 3 from c_tools;
fetch forward 2 from c_tools;
move 2 from c_tools;
fetch next from c_tools;
fetch all from c_tools;
fetch 1 from c_tools;
close c_tools;
commit;
begin;
declare c_scroll scroll cursor for select unique1 from v.tusen where unique1 < 8 order by unique1;
fetch first from c_scroll;
fetch last from c_scroll;
fetch prior from c_scroll;
fetch absolute 3 from c_scroll;
fetch relative 2 from c_scroll;
fetch backward 2 from c_scroll;
fetch backward all from c_scroll;
fetch next from c_scroll;
move forward all in c_scroll;
fetch prior from c_scroll;
fetch absolute -1 from c_scroll;
fetch 0 from c_scroll;
commit;
begin transaction isolation level read committed, read only;
select 1;
rollback;
begin isolation level repeatable read;
show transaction_isolation;
commit;
set application_name = 'Rapportverktyg';
show application_name;
set extra_float_digits = 3;
set session characteristics as transaction read write;
set datestyle to 'ISO, YMD';
set client_min_messages to warning;
set search_path to ekonomi, org, public;
select count(*) from budget;
select n.namn from namnd n where namnd = '12';
show search_path;
select current_schema(), current_schemas(false);
reset search_path;
select set_config('search_path', 'org', false);
select count(*) from namnd;
reset all;
select current_setting('server_encoding') as e, current_setting('finns.inte', true) is null as saknas;
select table_schema, table_name, table_type from information_schema.tables where table_schema in ('org', 'ekonomi', 'rapport') order by 1, 2;
select column_name, data_type, is_nullable, character_maximum_length, numeric_precision, numeric_scale, ordinal_position from information_schema.columns where table_schema = 'ekonomi' and table_name = 'budget' order by ordinal_position;
select c.relname, c.relkind, n.nspname, a.attname, a.attnum, format_type(a.atttypid, a.atttypmod) as typ, a.attnotnull from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace join pg_catalog.pg_attribute a on a.attrelid = c.oid where n.nspname = 'org' and c.relkind in ('r', 'v') and a.attnum > 0 and not a.attisdropped order by c.relname, a.attnum;
select obj_description('org.namnd'::regclass), pg_table_is_visible('org.namnd'::regclass), 'org.namnd'::regclass::text;
select has_table_privilege('org.namnd', 'select') as far, has_schema_privilege(current_user, 'org', 'usage') as schema;
select pg_typeof(1), pg_typeof(1.0), pg_typeof('a'::varchar), pg_typeof(now()), pg_typeof(array[1]), pg_typeof(null);
select tc.constraint_name, kcu.column_name from information_schema.table_constraints tc join information_schema.key_column_usage kcu on kcu.constraint_name = tc.constraint_name and kcu.table_schema = tc.table_schema where tc.table_schema = 'org' and tc.table_name = 'konto' and tc.constraint_type = 'PRIMARY KEY';
select version() like 'PostgreSQL 15%' as v, current_database() is not null as d, pg_backend_pid() > 0 as p;
create temporary table t_urval as select namnd, sum(belopp) as belopp from ekonomi.budget group by namnd;
select count(*), sum(belopp) from t_urval;
insert into t_urval select '99', 1.5;
-- differs: a table's numeric has a modifier
update t_urval set belopp = belopp * 2 where namnd = '99' returning *;
delete from t_urval where namnd <> '99';
-- differs: a table's numeric has a modifier
select * from t_urval;
drop table t_urval;
create temp table tmp_a (id int, v text);
insert into tmp_a (id, v) values (1, 'a'), (2, 'b'), (3, null);
-- refused: CREATE INDEX
create index on tmp_a (id);
analyze tmp_a;
select id, coalesce(v, '-') from tmp_a order by id desc;
truncate tmp_a;
select count(*) from tmp_a;
drop table if exists tmp_a, tmp_b;
select /* kommentar */ count(*) -- till slutet
from org.namnd;
select E'rad1\nrad2' as r, U&'\00e5' as a, $$it's$$ as d, 'it''s' as e;
select 1::int2, 2::bigint, 3.0::real, '4'::numeric(5,2), 'x'::char(3), true::text, '2024-01-01'::timestamptz;
select cast('12.50' as decimal(10,2)) + 1, cast(12.7 as integer), cast('t' as boolean), cast(0 as boolean);
select 10 / 3, 10 % 3, 10.0 / 3 > 3.33, 2 ^ 10, -7 / 2, round(2.5), round(-2.5), round(1234.567, -2);
select 'a' || 1 || null is null, 'a' || 1, concat('a', null, 1), length('åäö');
select nope from org.namnd;
select namnd, count(*) from org.namnd;
select * from finnsinte;
select namn from org.namnd where namnd = 1;
select sum(namn) from org.namnd;
select 1 +;
select * from org.namnd limit -1;
select 1 / (ar - ar) from org.kalender limit 1;
select 'abc'::int;
select * from org.namnd n join org.konto k on n.namn = k.namn where namn = 'x';
select date '2024-02-30';
select to_date('2024-13-01', 'YYYY-MM-DD');
select array_lower(indkey, 1), array_upper(indkey, 1), array_dims(indkey), array_length(indkey, 1), indkey[0], array_to_string(indkey, ',') from pg_index where indrelid = 'tpch.lineitem'::regclass;
select array(select pg_get_indexdef(ix.indexrelid, k + 1, true) from generate_subscripts(ix.indkey, 1) as k order by k) from pg_index ix where ix.indrelid = 'tpch.lineitem'::regclass;
select generate_subscripts('7 8 9'::int2vector, 1), generate_subscripts('7 8 9'::oidvector, 1, true), generate_subscripts(array[7, 8, 9], 1), unnest('7 8 9'::int2vector);
select format_type(2283, null), format_type(2276, null), format_type(5077, -1), format_type(2281, null), format_type(999999, null);
select opfname, pg_opfamily_is_visible(oid) from pg_opfamily where oid = 1976;
select cfgname from pg_ts_config where pg_ts_config_is_visible(oid) and cfgname = 'finns inte';
-- what constraints, views and arrays are made of
create table c.facts (id integer primary key, n integer not null check (n > 0), t text[], ts timestamp default '2024-01-01 00:00:00', u uuid default 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', d time default '10:00:00');
create view c.facts_view as select id, t from c.facts where n > 1;
select constraint_name, check_clause from information_schema.check_constraints where constraint_schema = 'c' and constraint_name like 'facts%';
select check_clause from information_schema.check_constraints where constraint_schema = 'c' and constraint_name not like 'facts%' order by 1;
select table_name, constraint_name from information_schema.constraint_table_usage where table_schema = 'c' and table_name = 'facts';
select table_schema, table_name from information_schema.view_table_usage where view_name = 'facts_view';
select table_name, column_name from information_schema.view_column_usage where view_name = 'facts_view' order by 2;
select object_type, collection_type_identifier, data_type, udt_name, dtd_identifier from information_schema.element_types where object_name = 'facts';
select conname, pg_get_constraintdef(oid), pg_get_constraintdef(oid, true) from pg_constraint where conrelid = 'c.facts'::regclass order by 1;
select pg_get_indexdef(indexrelid), pg_get_indexdef(indexrelid, 1, true) from pg_index where indrelid = 'c.facts'::regclass;
select adnum, pg_get_expr(adbin, adrelid) from pg_attrdef where adrelid = 'c.facts'::regclass and adnum < 4;
select pg_get_expr(adbin, adrelid) from pg_attrdef where adrelid = 'c.facts'::regclass order by 1;
drop table c.facts cascade;
select 'no_such_relation'::regclass;
select 'no_such_type'::regtype;
select 'no_such_relation'::text::regclass;
select 'a.b.c.d'::regclass;
set statement_timeout = '90s';
select name, setting, unit, vartype from pg_settings where name in ('statement_timeout', 'bytea_output') order by 1;
reset statement_timeout;

select has_function_privilege('lower(text)', 'execute'), has_function_privilege('now()', 'execute'), has_function_privilege('substring(text, integer)', 'execute');
select has_function_privilege('nosuch(text)', 'execute');
select has_function_privilege('lower(nosuch)', 'execute');
select has_function_privilege('lower', 'execute');

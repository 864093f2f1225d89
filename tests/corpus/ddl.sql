-- Statements about schemas, tables and views: forms, tags, notices, errors, and what depends on what.
create schema ds;
create schema ds;
create schema if not exists ds;
create schema pg_eget;
create schema "DS Två";
create schema authorization finns_ej;
alter schema "DS Två" rename to ds2;
alter schema saknas rename to ds3;
alter schema ds2 rename to ds;
alter schema ds rename to pg_ds;
drop schema saknas;
drop schema if exists saknas, ds2;
drop schema ds2;
create table ds.t (a integer primary key, b varchar(10) not null default 'x', c numeric(8,2) check (c > 0), d date default current_date, constraint ab check (a < 1000 or b is null));
create table ds.t (a integer);
create table if not exists ds.t (annat text);
create table saknas.t (a integer);
-- words: LIS says whose schema it is
create table pg_catalog.t (a integer);
create table ds.t2 (a integer, a text);
create table ds.t2 (a finnsej);
create table ds.t2 (a varchar(0));
create table ds.t2 (a varchar(99999999));
create table ds.t2 (a numeric(0));
create table ds.t2 (a numeric(10,20000));
create table ds.t2 (a integer(3));
-- differs: no warning
create table ds.t2 (a timestamp(9));
drop table if exists ds.t2;
create table ds.t2 (ctid integer);
create table ds.t2 (a integer default 'x');
create table ds.t2 (a integer default b, b integer);
-- words: the place is not told
create table ds.t2 (a integer default sum(1));
-- words: the place is not told
create table ds.t2 (a integer default (select 1));
-- words: the place is not told
create table ds.t2 (a integer default generate_series(1, 2));
-- words: the place is not told
create table ds.t2 (a integer default row_number() over ());
create table ds.t2 (a integer default 1 default 2);
create table ds.t2 (a integer null not null);
create table ds.t2 (a integer check (a));
create table ds.t2 (a integer check (b > 1));
create table ds.t2 (a integer check (sum(a) > 1));
-- words: the place is not told
create table ds.t2 (a integer check (a in (select 1)));
-- words: LIS says it of every constraint
create table ds.t2 (a integer, constraint x check (a > 0), constraint x check (a < 9));
-- words: the place is not told
create table ds.t2 (a integer primary key, b integer primary key);
-- words: the place is not told
create table ds.t2 (a integer, primary key (b));
-- words: the place is not told
create table ds.t2 (a integer, primary key (a, a));
-- words: the place is not told
create table ds.t2 (a integer, unique (b));
create table ds.t2 (a integer references saknas);
create table ds.t2 (a integer references ds.t (zz));
create table ds.t2 (a integer references ds.t (c));
create table ds.t2 (a integer, b integer, foreign key (a, b) references ds.t (a));
-- words: the place is not told
create table ds.t2 (a integer collate "C");
-- words: the place is not told
create table ds.t2 (a text collate "finns-ej");
create table ds.t2 ();
create table ds.t3 (like ds.t);
select * from ds.t3;
drop table if exists ds.t3;
create table ds.barn (id integer primary key, t integer references ds.t, n integer unique, constraint fk foreign key (n) references ds.t (a));
create table ds.typer (a smallint, b bigint, c real, d double precision, e boolean, f char(3), g text, h bytea, i date, j time, k timestamp, l timestamptz, m uuid, n json, o jsonb, p integer[], q varchar(5)[], r numeric, s character varying, t char, u time(3), v timestamp(2) with time zone, w decimal(5), x int2, y float(10), z float(30));
select * from ds.typer;
insert into ds.t (a, c) values (1, 1.5), (2, null), (3, 9);
insert into ds.t (a, c) values (4, 0);
insert into ds.t (a, b) values (4, null);
insert into ds.t (a) values (null);
insert into ds.t (a) values (2000);
insert into ds.t (a, b) values (4, 'elva tecken');
insert into ds.t (a, c) values (4, 1234567);
update ds.t set c = -1 where a = 1;
update ds.t set b = null where a = 1;
select a, b, c from ds.t order by a;
alter table ds.saknas add column x integer;
alter table if exists ds.saknas add column x integer;
alter table ds.t add column e text;
alter table ds.t add column e text;
alter table ds.t add column if not exists e text;
alter table ds.t add column f integer not null;
alter table ds.t add column f integer not null default 7;
alter table ds.t add column g integer default 'x';
alter table ds.t add g date default date '2024-01-31' check (g > date '2020-01-01'), add h integer;
alter table ds.t add i integer references ds.t (zz);
alter table ds.t add i integer check (i > 0) default -1;
alter table ds.t add primary key (f);
alter table ds.t add i finnsej;
select a, e, f, g, h from ds.t order by a;
alter table ds.t drop column saknas;
alter table ds.t drop column if exists saknas;
alter table ds.t drop column h;
alter table ds.t drop h, drop column g;
alter table ds.t drop column g;
alter table ds.t drop column ctid;
alter table ds.t rename column e to ee;
alter table ds.t rename ee to f;
alter table ds.t rename saknas to f;
alter table ds.t alter column saknas set default 1;
alter table ds.t alter f set default 'nej';
alter table ds.t alter f set default 8;
alter table ds.t alter f drop default;
alter table ds.t alter column b drop not null, alter column b set default 'y';
insert into ds.t (a, f) values (10, 1);
select a, b, c, ee, f from ds.t where a = 10;
alter table ds.t alter ee set not null;
alter table ds.t alter a drop not null;
alter table ds.t alter column saknas set not null;
alter table ds.t alter f type bigint;
alter table ds.t alter f type text;
alter table ds.t alter f type integer;
alter table ds.t alter f type integer using f::integer + 1;
-- words: the place is not told
alter table ds.t alter f type integer using (select 1);
-- words: the place is not told
alter table ds.t alter f type integer using saknas;
alter table ds.t alter f type date using f::integer;
alter table ds.t alter c type numeric(3,1);
alter table ds.t alter c type numeric(12,4);
alter table ds.t alter b type varchar(20);
alter table ds.t alter b type varchar(2);
-- words: a place is told
alter table ds.t alter b type finnsej;
alter table ds.t alter b type integer using length(b);
alter table ds.t alter b type varchar(10) using 'b' || b;
select * from ds.t order by a;
alter table ds.t add constraint positiv check (a > 0);
alter table ds.t add constraint positiv check (a > 0);
alter table ds.t add constraint litet check (a < 3);
alter table ds.t add check (a + f > 0);
alter table ds.t add constraint nyckel unique (f);
alter table ds.t add constraint nyckel unique (a, c);
alter table ds.t add constraint nyckel2 unique (saknas);
alter table ds.t add constraint fk foreign key (f) references ds.typer (a);
alter table ds.t add constraint fk foreign key (a) references ds.t (a);
alter table ds.t drop constraint fk;
alter table ds.t rename constraint positiv to plus;
alter table ds.t rename constraint positiv to minus;
alter table ds.t rename constraint plus to ab;
alter table ds.t drop constraint saknas;
alter table ds.t drop constraint if exists saknas;
alter table ds.t drop constraint plus;
alter table ds.t drop constraint t_pkey;
alter table ds.t set schema saknas;
alter table ds.t rename to barn;
alter table ds.t rename to tt;
select count(*) from ds.t;
alter table ds.tt rename to t;
alter table ds.t owner to saknas;
-- refused: not offered
alter table ds.t cluster on saknas;
-- differs: actions are taken in the order that they are written in
alter table ds.t add column x integer, drop column x;
alter table ds.t add column x integer, add column x integer;
alter table ds.t foo;
alter table only ds.t add column y integer;
alter table ds.t drop y;
create view ds.v as select a, b from ds.t;
create view ds.v as select 1 as a;
create or replace view ds.v as select a, b, c from ds.t;
create or replace view ds.v as select b, a from ds.t;
create or replace view ds.v as select a from ds.t;
create or replace view ds.v as select a::text, b, c from ds.t;
create or replace view ds.t as select 1 as a;
create view ds.v2 (x, y) as select a, b from ds.v where a > 1;
create view ds.v3 (x, y, z) as select 1, 2;
create view ds.v3 as select 1, 2;
create view ds.v3 (x) as select 1, 2;
select * from ds.v3;
create view ds.v4 as select a, a from ds.t;
create view ds.v4 as select saknas from ds.t;
create view ds.v4 as select * from ds.saknas;
-- words: the place is not told
create view ds.v4 as select $1;
create view ds.v4 as insert into ds.t values (1);
create view ds.v4 as select 'x' as k, null as n, 1.5 as f;
select * from ds.v4;
create view ds.v5 as values (1, 'a'), (2, 'b');
select * from ds.v5 order by 1;
create view ds.v6 as table ds.v2;
create view ds.v7 as with w as (select a from ds.t) select * from w;
-- words: a place is told
create view ds.v10 with (saknas = true) as select 1 as a;
-- words: a place is told
create temporary view ds.v13 as select 1;
create temporary view v13 as select 1 as a;
select * from v13;
drop view v13;
alter table ds.t drop column b;
alter table ds.t drop column b restrict;
alter table ds.t alter column b type text;
drop table ds.t;
drop table ds.t restrict;
drop view ds.v;
drop view ds.t;
drop table ds.v;
drop view ds.saknas;
drop materialized view ds.v;
drop schema ds;
alter view ds.v rename to vv;
alter view ds.saknas rename to vv;
alter view if exists ds.saknas rename to vv;
alter view ds.vv rename column b to bb;
select * from ds.vv order by a;
alter view ds.vv rename to v;
alter table ds.v rename to vv;
alter table ds.vv rename to v;
alter view ds.t rename to ttt;
alter table ds.v add column x integer;
alter table ds.v alter a set not null;
truncate ds.v;
comment on table ds.t is 'en tabell';
comment on column ds.t.a is 'nyckeln';
comment on column ds.t.saknas is 'x';
comment on view ds.v is 'en vy';
comment on column ds.v.a is 'vyns kolumn';
comment on table ds.v is 'x';
comment on view ds.t is 'x';
comment on schema ds is 'schemat';
comment on schema saknas is 'x';
comment on table ds.saknas is 'x';
comment on table ds.t is null;
select obj_description('ds.v'::regclass, 'pg_class'), col_description('ds.t'::regclass, 1), obj_description('ds.t'::regclass, 'pg_class');
create table ds.k1 as select a, b from ds.t;
create table ds.k1 as select a, b from ds.t;
create table if not exists ds.k1 as select a, b from ds.t;
create table ds.k2 (x, y) as select a, b from ds.t with no data;
create table ds.k3 (x, y, z) as select a, b from ds.t;
create table ds.k3 (x) as select a, b from ds.t order by a;
select * from ds.k3 order by x;
create table ds.k4 as select a, a from ds.t;
create table ds.k4 as select 1, 2;
create table ds.k4 as values (1, 'x'), (2, null);
create table ds.k5 as table ds.t;
create table ds.k6 as select 'x' as t, null as n, 1.5 as d;
select * from ds.k6;
select a, b into ds.k7 from ds.t where a < 3;
select a, b into ds.k7 from ds.t;
select a into temp k8 from ds.t;
select count(*) from k8;
drop table k8;
select 1 as x into ds.k9 union all select 2;
create table ds.k10 as with w as (select 1 as a) select * from w;
create table ds.k11 as insert into ds.t values (1) returning a;
create materialized view ds.m as select a, count(*) as n from ds.t group by a;
create materialized view ds.m as select 1 as a;
create materialized view if not exists ds.m as select 1 as a;
create materialized view ds.m2 (x) as select a from ds.t with no data;
select * from ds.m2;
refresh materialized view ds.m2;
select count(*) from ds.m2;
refresh materialized view ds.m2 with no data;
select * from ds.m2;
-- differs: nobody waits for a refresh, with a unique index or without
refresh materialized view concurrently ds.m;
refresh materialized view ds.saknas;
refresh materialized view ds.t;
refresh materialized view ds.v;
insert into ds.m values (1, 2);
update ds.m set n = 1;
delete from ds.m;
truncate ds.m;
drop table ds.m;
drop view ds.m;
alter materialized view ds.m rename to mm;
alter materialized view ds.mm rename to m;
alter materialized view ds.m rename column n to antal;
select * from ds.m order by a;
comment on materialized view ds.m is 'x';
drop materialized view ds.m2;
drop materialized view if exists ds.m2;
drop materialized view ds.t;
drop table ds.t;
drop table ds.t cascade;
select * from ds.v;
select * from ds.v5 order by 1;
insert into ds.barn values (1, 77, 88);
create view ds.w1 as select * from ds.barn;
create view ds.w2 as select * from ds.w1;
drop view ds.w1;
drop view ds.w1, ds.w2;
create view ds.w1 as select * from ds.barn;
create view ds.w2 as select * from ds.w1;
drop view ds.w1 cascade;
create view ds.w1 as select id from ds.barn;
alter table ds.barn drop column id;
alter table ds.barn drop column id cascade;
select * from ds.w1;
drop table ds.barn, ds.saknas;
drop table if exists ds.barn, ds.saknas;
-- a table that refers to itself
create table ds.sjalv (id integer primary key, upp integer references ds.sjalv, ner integer, foreign key (ner) references ds.sjalv (id));
alter table ds.sjalv drop constraint sjalv_pkey;
alter table ds.sjalv drop column id;
truncate ds.sjalv;
drop table ds.sjalv;
create table ds.sjalv (id integer, upp integer references ds.sjalv);
create table ds.sjalv (id integer primary key, upp integer references ds.sjalv (upp));
create table ds.a (a integer primary key);
create table ds.b (a integer references ds.a);
drop table ds.a;
drop table ds.b, ds.a;
create table ds.a (a integer primary key);
create table ds.b (a integer references ds.a);
drop table ds.a cascade;
insert into ds.b values (1);
alter table ds.b add foreign key (a) references ds.a;
begin;
create table ds.tx (a integer);
insert into ds.tx values (1);
savepoint s;
alter table ds.tx add b text default 'ny';
select * from ds.tx;
rollback to s;
select * from ds.tx;
drop table ds.tx;
select * from ds.tx;
rollback;
select * from ds.tx;
begin;
alter table ds.b rename to bb;
create view ds.vb as select * from ds.bb;
rollback;
select * from ds.b;
begin;
create schema ds4;
create table ds4.t (a integer);
drop schema ds4;
rollback;
begin;
create schema ds4;
create table ds4.t (a integer);
drop schema ds4 cascade;
commit;
create temp table tt (a integer, b text default 'z');
insert into tt (a) values (1);
select * from tt;
create temp table tt (a integer);
create temporary table if not exists tt (a integer);
create temp table ds.tt (a integer);
create temp table tt2 (a integer) on commit drop;
select * from tt2;
create temp table tt2 (a integer) on commit delete rows;
insert into tt2 values (1);
select * from tt2;
begin;
insert into tt2 values (1);
select * from tt2;
commit;
select * from tt2;
create view ds.vt as select * from tt;
select * from vt;
drop view if exists ds.vt;
create table ds.ref (a integer references tt);
alter table tt add c integer default 3;
select * from tt;
alter table tt set schema ds;
drop table tt cascade;
drop table tt2;
create local temp table tt3 (a integer);
-- differs: no warning
create global temp table tt4 (a integer);
drop table if exists tt3, tt4;
drop table ds.k1 cascade restrict;
drop table;
create table ds.x (a integer,);
create table ds.x a integer;
create view ds.x;
truncate ds.k1, ds.saknas;
truncate table ds.k1 restart identity cascade;
truncate ds.k1 restrict;
truncate only ds.k1;
drop schema ds restrict;
drop schema ds cascade;
-- what is refused here
create schema dr;
create table dr.t (a integer primary key, b varchar(10) constraint ab check (b <> ''), f integer);
create view dr.v as select a, b from dr.t;
create view dr.v5 as values (1, 'a');
create table dr.k1 (a integer);
-- refused: there are none
create table dr.t3_0 (a integer generated always as identity);
-- refused: not offered
create table dr.t3_1 (a serial);
-- refused: there are none
create table dr.t3_2 (a integer, b integer generated always as (a * 2) stored);
-- refused: there are none
create table dr.t3_3 (a integer) partition by range (a);
-- refused: there are none
create table dr.t3_4 (b text) inherits (dr.t);
-- refused: there are none
create table dr.t3_5 (a integer) with (fillfactor = 70);
-- refused: there are none
create table dr.t3_6 (a integer) tablespace pg_default;
-- refused: there are none
create table dr.t3_7 (a integer) tablespace saknas;
-- refused: there are none
create unlogged table dr.t3 (a integer);
-- refused: there are none
create table dr.barn2 (n integer references dr.t on delete cascade);
-- refused: there are none
create table dr.oid_ar (a oid);
-- refused: there are none
create table dr.namn (a name);
-- refused: there are none
create table dr.interv (a interval);
-- refused: there are none
create table dr.tz (a timetz);
-- refused: not offered
alter table dr.t add constraint fk foreign key (f) references dr.t (a) not valid;
-- refused: not offered
alter table dr.t set (fillfactor = 50);
-- refused: not offered
alter table dr.t alter b set statistics 100;
-- refused: not offered
alter table dr.t alter b set storage external;
-- refused: not offered
alter table dr.t enable trigger all;
create recursive view dr.v8 (n) as values (1) union all select n + 1 from dr.v8 where n < 3;
create recursive view dr.v8 (n) as values (1) union all select n + 1 from v8 where n < 3;
-- refused: there are none
create view dr.v9 with (security_barrier = true) as select 1 as a;
-- refused: there are none
create view dr.v11 as select a from dr.t where a > 0 with check option;
-- refused: there are none
create view dr.v12 with (check_option = local) as select a from dr.t where a > 0;
-- refused: not offered
alter view dr.v alter column a set default 5;
-- refused: not offered
alter view dr.v alter column a drop default;
-- refused: not offered
alter view dr.v set (security_barrier);
-- refused: not offered
alter view dr.v reset (security_barrier);
-- refused: not offered
insert into dr.v5 values (1);
-- refused: not offered
delete from dr.v5;
-- refused: not offered
update dr.v5 set column1 = 1;
-- refused: not offered
comment on constraint ab on dr.t is 'villkoret';
-- refused: not offered
comment on constraint saknas on dr.t is 'x';
-- refused: not offered
comment on database saknas is 'x';
-- refused: not offered
comment on role saknas is 'x';
-- refused: there are none
create table dr.k6 as select 'x' as t, null as n, now() as nu, 1.5 as d, interval '1 day' as i;
-- refused: there are none
create table dr.k11 as execute finnsej;
-- refused: there are none
create index on dr.k1 (a);
-- refused: there are none
create unique index k1_u on dr.k1 (a);
-- refused: there are none
create sequence dr.s;
-- refused: there are none
create type dr.ty as enum ('a', 'b');
-- refused: there are none
create domain dr.dom as integer check (value > 0);
-- refused: there are none
create function dr.f() returns integer language sql as 'select 1';
-- refused: there are none
create trigger tr before insert on dr.k1 for each row execute function dr.f();
-- refused: there are none
create rule r as on insert to dr.k1 do nothing;
-- words: what is refused is the statement
create extension pgcrypto_saknas;
-- refused: there are none
create database saknas2 template finns_ej;
begin;
lock table dr.k1 in exclusive mode;
rollback;
vacuum dr.k1;
analyze dr.k1;
vacuum full analyze dr.k1 (a);
analyze dr.saknas;
analyze dr.k1 (saknas);
cluster;
-- differs: there are no indexes
reindex table dr.k1;
-- refused: not offered
checkpoint;
-- differs: what was refused above is not there
drop schema dr cascade;
-- what is made with a schema, recursive views, and upkeep as tools send it
create schema dr2 create view v as select a, b from t create table t (a integer primary key, b text);
select * from dr2.v;
create schema dr2 create table t3 (a integer);
create schema dr3 create table dr2.t4 (a integer);
create schema if not exists dr2 create table t3 (a integer);
create schema dr3 create table t (a integer) create view w as select saknas from t;
select count(*) from pg_namespace where nspname = 'dr3';
create recursive view dr2.rakna (n) as select 1 union all select n + 1 from rakna where n < 4;
create recursive view dr2.rakna as select 1;
create or replace recursive view dr2.rad (nr, namn) as values (1, 'a'::text) union all select nr + 1, namn || 'a' from rad where nr < 3;
select * from dr2.rad order by nr;
create temp recursive view nedat (n) as select 3 union all select n - 1 from nedat where n > 1;
select * from nedat order by n;
drop view nedat;
create view dr2.nastlad as select x.i from v.j1 x join v.j1 y join v.j1 z on z.i = y.i on y.i = x.i where x.i = any ((select i from v.j2) limit 5);
select count(*) > 0 from dr2.nastlad;
insert into dr2.t values (1, 'x');
analyze dr2.t (a, b);
-- differs: what VERBOSE tells
analyze verbose dr2.t;
analyze (verbose false, skip_locked) dr2.t, dr2.v;
vacuum (analyze, verbose off) dr2.t;
vacuum dr2.v;
vacuum freeze dr2.t;
vacuum dr2.t (a);
vacuum (saknas) dr2.t;
analyze (saknas) dr2.t;
reindex index dr2.t_pkey;
reindex index dr2.saknas;
reindex index dr2.t;
reindex table dr2.v;
reindex (verbose off) table concurrently dr2.t;
cluster dr2.t;
cluster dr2.t using saknas;
drop index dr2.saknas;
drop index if exists dr2.saknas, dr2.saknas2;
drop index dr2.t;
drop index dr2.v;
drop index dr2.t_pkey;
begin;
lock table dr2.t in row exclusive mode;
lock dr2.t, dr2.v;
lock table dr2.saknas;
rollback;
lock table dr2.t;
begin;
vacuum dr2.t;
rollback;
begin isolation level serializable;
show transaction_isolation;
update dr2.t set b = 'y';
select * from dr2.t for update;
commit;
begin read only;
select a from dr2.t for update;
rollback;
set session characteristics as transaction isolation level serializable;
show default_transaction_isolation;
reset default_transaction_isolation;
drop schema dr2 cascade;
create schema dnum;
create table dnum.av as select forvaltning, avg(belopp) as snitt, sum(belopp) as summa, max(belopp) / 3 as kvot, stddev(belopp) as spridning, 1.5 as konstant, belopp * 0 as noll from ekonomi.budget where forvaltning < '105' group by forvaltning, belopp * 0;
select attname, atttypid, atttypmod, format_type(atttypid, atttypmod) from pg_attribute where attrelid = 'dnum.av'::regclass and attnum > 0 order by attnum;
select column_name, data_type, numeric_precision, numeric_scale from information_schema.columns where table_schema = 'dnum' order by ordinal_position;
select * from dnum.av order by 1;
select snitt + 1, snitt * 2, snitt / 7, round(snitt, 3), summa * 1.25, -kvot from dnum.av order by forvaltning;
select sum(snitt), avg(summa), max(kvot), min(konstant) from dnum.av;
insert into dnum.av select forvaltning, avg(belopp), sum(belopp), max(belopp) / 3, stddev(belopp), 2.5, 0 from ekonomi.budget where forvaltning > '200' group by forvaltning;
update dnum.av set summa = summa + 0.25 where forvaltning = '101' returning summa, snitt;
create table dnum.andra as select snitt, summa from dnum.av;
create table dnum.som (like dnum.av);
insert into dnum.som select * from dnum.av;
select snitt, kvot from dnum.som order by 1, 2 limit 3;
alter table dnum.som add column mer numeric(10,2) default 1.25;
select snitt, mer from dnum.som order by 1, 2 limit 3;
alter table dnum.som alter column snitt type numeric(12,2);
select snitt from dnum.som order by 1 limit 3;
select atttypmod from pg_attribute where attrelid = 'dnum.andra'::regclass and attnum > 0 order by attnum;
drop schema dnum cascade;
create schema dvis;
create table dvis.t (a char(3) default 'x', b varchar(5) default 'y', c text default 'it''s', d date default '2024-01-01', e numeric(5,2) default 1.5, f integer default 3, h boolean default true, i text[] default '{}', j jsonb default '{}', k timestamptz default now());
select column_name, column_default from information_schema.columns where table_schema = 'dvis' order by ordinal_position;
select pg_get_expr(adbin, adrelid) from pg_attrdef where adrelid = 'dvis.t'::regclass order by adnum;
insert into dvis.t default values returning a, b, c, d, e, f, h, i, j;
drop schema dvis cascade;
-- a temporary table refers to itself and to its like
create temp table person (id integer primary key, boss integer references person (id));
create temp table post (id integer, who integer references person);
create temp table wrong (k varchar(6) references c.konto);
create table c.wrong (k integer references person);
drop table post, person;
create schema s1 create view w as select a from t create table t (a integer);
select * from s1.w;
drop schema s1 cascade;
drop role if exists no_such_role;
drop policy if exists p on c.konto;

-- output names, types of the result, parameters
select 1, 1 + 1, -1, 'a', 'a' || 'b', null, true, not true, 1 = 1, 1 is null;
select abs(1), upper('a'), now() is not null, pg_catalog.lower('A'), count(*) from v.bo;
select 1::bigint, cast(1 as text), '1'::integer, date '2024-01-01', interval '1 day', (1::smallint)::integer, cast(id + 1 as bigint) from v.bo where id = 1;
select case when true then 1 end, case when true then id end, case when true then 1 else id end, case id when 1 then 'a' else t end from v.txt where id = 1;
select coalesce(id, 1), nullif(id, 2), greatest(id, 1), least(id, 1), (id), ((id)), -id, +id from v.bo where id = 1;
select array[1], array[id], (array[1, 2])[1], array(select 1), row(1), (select id), (select 1 as x), exists (select 1), id in (1), id between 1 and 2, id = any (array[1]) from v.bo where id = 1;
select extract(year from date '2024-01-01'), position('a' in 'a'), substring('a' from 1), trim('a'), overlay('a' placing 'b' from 1), current_date is null, current_user is null, localtime is null;
select current_date = now()::date as c, current_user, session_user, user, current_schema, current_catalog from v.bo where false;
select sum(id), sum(id) as s, sum(id) + 1, max(b::text), count(distinct b), string_agg(t, ','), array_agg(id) from v.bo join v.txt using (id) where false;
select row_number() over (), sum(id) over () from v.bo where false;
select t.id, t.t as x, t.* from v.txt t where false;
select * from (select 1, 2, 'x') x;
select * from (select 1 as a, count(*)) x;
select * from (values (1, 'x')) x;
select "?column?" from (select 1) x;
select x."?column?", x.max from (select 1, max(id) from v.bo) x;
select id is true from v.bo;
-- words: the function of AT TIME ZONE
select (id = 1) is true, id::text like '1', 'a' ~ 'b', 'a' similar to 'b', 1 at time zone 'x' from v.bo where false;
select 'a' collate "C", ('a')::varchar(3), 'a'::varchar(3) || 'b', id::numeric(5,2), id::numeric(5,2) + 1, sum(id::numeric(5,2)) from v.bo where false group by id;
-- differs: modifiers of equal varchars
select v, v || 'x', c, c || 'x', upper(v), coalesce(v, 'x'), coalesce(v, v), nullif(v, 'x'), case when true then v end, case when true then v else 'x' end, max(v) over () from v.txt where false;
select n, m, n + m, n * 2, -n, round(n), abs(n), coalesce(n, 0), coalesce(n, n), max(n) over (), n / 2 from v.num where false;
select d, d + 1, d - d, d + interval '1 day', ts, ts - ts, ts::date, tz, tz - tz, t, t + interval '1 hour', date_trunc('day', ts), age(ts) from v.tid where false;
select f4.f1, f8.f1, f4.f1 + f8.f1, f4.f1 * 2, f4.f1 + 1.5, sqrt(f8.f1), f4.f1::numeric from v.f4, v.f8 where false;
select i2.f1, i4.f1, q1, i2.f1 + i4.f1, i4.f1 + q1, i2.f1 * i2.f1, i2.f1 / 2, q1 % 3, -i2.f1, i2.f1 + 1.5, sum(i2.f1) over (), sum(q1) over (), avg(i4.f1) over () from v.i2, v.i4, v.i8 where false;
select o_orderkey, o_orderstatus, o_totalprice, o_orderdate, o_comment from tpch.orders where false;
-- parameters: 5
select $1 + 1;
-- parameters: 5
select id from v.bo where id = $1;
-- parameters: abc
select id from v.txt where v = $1;
-- parameters: abc
select $1::text;
-- parameters: abc
select $1;
-- parameters: 2 | 4
select id from v.bo where id between $1 and $2 order by id;
-- parameters: 1 | 2 | 3
select id from v.bo where id in ($1, $2, $3) order by id;
-- parameters: {1,2}
select id from v.bo where id = any ($1) order by id;
-- parameters: a%
select id from v.txt where t like $1;
-- parameters: 3
select id from v.bo order by id limit $1;
-- parameters: 3 | 2
select id from v.bo order by id limit $1 offset $2;
-- parameters: 2024-01-01
select id from v.tid where d > $1 order by id;
-- parameters: 1 day
select id, ts + $1::interval from v.tid where id = 1;
-- parameters: 2024-01-01 | 30
select $1::date + $2::integer;
-- parameters: null
select coalesce($1, 5);
-- parameters: x | y
select case when true then $1 else $2 end;
-- parameters: 1.5
select n from v.num where n > $1 order by n;
-- parameters: t
select id from v.bo where b = $1 order by id;
-- parameters: x
select upper($1), length($1::text);
-- parameters: 1 | 1
select $1 = $2;
-- parameters: 1 | 2
select $1::integer + $2;
-- parameters: 5
select abs($1);
-- parameters: 1
select sum($1::integer) from v.bo;
-- parameters: a
select $2::text;
-- parameters: x
select id from v.bo where id = $1;
-- parameters: 1
select $1 from v.bo group by $1;
-- parameters: 1 | x
select * from (values ($1, $2)) v(a, b);
-- parameters: 1 | x
select * from (values ($1::integer, $2), (2, 'y')) v(a, b) order by a;
-- parameters: {a,b}
select unnest($1::text[]);
-- parameters: 1 | 3
select * from generate_series($1::integer, $2);
-- parameters: a
select 'a' || $1, $1 || 'b';
-- parameters: UTC
select timestamp '2024-01-01' at time zone $1;
-- parameters: year
select date_trunc($1, timestamp '2024-05-06');
-- parameters: {"a": 1}
select $1::jsonb -> 'a';
-- words: no position
select $1;
-- words: no position
select id from v.bo where id = $1;
prepare p1 as select id from v.bo where id < $1 order by id;
execute p1(3);
execute p1('4');
execute p1(1, 2);
execute p1;
execute p1('x');
prepare p1 as select 1;
prepare p2(integer, text) as select $1 + 1, $2 || 'x';
execute p2(1, 'a');
execute p2(1.6, 5);
prepare pb(bpchar, bpchar[], char) as select $1, length($1), $2, $3;
execute pb('abc  ', array['de', 'f '], 'gh');
deallocate pb;
prepare p3(nope) as select $1;
deallocate p2;
execute p2(1, 'a');
deallocate nope;
deallocate all;
prepare p4 as select 1; 
deallocate prepare p4;
begin;
declare c1 cursor for select id from v.bo order by id;
fetch 2 from c1;
fetch next c1;
fetch forward 2 from c1;
move 1 from c1;
fetch all from c1;
fetch c1;
close c1;
fetch c1;
rollback;
begin;
declare c2 scroll cursor for select id from v.bo order by id;
fetch last from c2;
fetch first from c2;
fetch absolute 3 from c2;
fetch relative 1 from c2;
fetch prior from c2;
fetch backward 2 from c2;
commit;
fetch c2;
declare c3 cursor for select 1;
close nope;
begin;
declare c4 cursor with hold for select id from v.bo order by id limit 2;
commit;
fetch all from c4;
close all;

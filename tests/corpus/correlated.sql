-- Correlated subqueries in every clause, with nulls among operands and rows; LATERAL; references over two levels.
create table c.yttre (a integer, b integer, s text);
create table c.inre (a integer, c integer, t text);
insert into c.yttre values (1, 10, 'x'), (2, 20, 'y'), (2, null, 'y'), (3, 30, null), (null, 40, 'z'), (5, -1, 'x');
insert into c.inre values (1, 10, 'x'), (1, 11, 'y'), (2, 20, 'y'), (2, null, 'x'), (4, 40, 'z'), (null, 50, 'q'), (3, 5, null);

-- EXISTS outside of plain conditions
select a, b, exists (select 1 from c.inre i where i.a = y.a) from c.yttre y order by a, b;
select a, b, not exists (select 1 from c.inre i where i.a = y.a and i.c > y.b) from c.yttre y order by a, b;
select a, b from c.yttre y where exists (select 1 from c.inre i where i.a = y.a and i.c = y.b) or b < 0 order by a, b;
select a, b from c.yttre y where exists (select 1 from c.inre i where i.a = y.a) or exists (select 1 from c.inre i where i.t = y.s) order by a, b;
select a, case when exists (select from c.inre i where i.a = y.a) then 'finns' else 'saknas' end from c.yttre y order by a, b;
select count(*) filter (where exists (select 1 from c.inre i where i.a = y.a)) from c.yttre y;
select a from c.yttre y order by exists (select 1 from c.inre i where i.a = y.a and i.c = y.b), a, b;
select exists (select 1 from c.inre i where i.a > y.a limit 1), a from c.yttre y order by a, b;
select a, exists (select 1 from c.inre i where i.a = y.a limit 0) from c.yttre y order by a, b;
select a, exists (select sum(c) from c.inre i where i.a = y.a) from c.yttre y order by a, b;
select a, exists (select i.a from c.inre i where i.a = y.a group by i.a having count(*) > 1) from c.yttre y order by a, b;
select a, exists (select 1 from c.inre i where i.a = y.a union all select 1 from c.inre i where i.c = y.b) from c.yttre y order by a, b;
select a, exists (select 1 from c.inre i left join c.inre j on j.a = i.a where i.a = y.a and j.c is null) from c.yttre y order by a, b;
select a, exists (select 1 from c.inre i join c.inre j on j.a = i.a and j.c = y.b) from c.yttre y order by a, b;
select a, exists (select distinct i.t from (select a as k, t from c.inre) i where i.k = y.a) from c.yttre y order by a, b;

-- IN, ANY, ALL with nulls
select a, b, a in (select i.a from c.inre i) from c.yttre y order by a, b;
select a, b, a not in (select i.a from c.inre i where i.a is not null) from c.yttre y order by a, b;
select a, b, b in (select i.c from c.inre i where i.a = y.a) from c.yttre y order by a, b;
select a, b, b not in (select i.c from c.inre i where i.a = y.a) from c.yttre y order by a, b;
select a, b from c.yttre y where b not in (select i.c from c.inre i where i.a = y.a) order by a, b;
select a, b from c.yttre y where not (b in (select i.c from c.inre i where i.a = y.a)) or a = 5 order by a, b;
select a, b, (a, b) in (select i.a, i.c from c.inre i) from c.yttre y order by a, b;
select a, b, (a, b) not in (select i.a, i.c from c.inre i where i.a = y.a) from c.yttre y order by a, b;
select a, b, b > all (select i.c from c.inre i where i.a = y.a) from c.yttre y order by a, b;
select a, b, b < any (select i.c from c.inre i where i.a = y.a) from c.yttre y order by a, b;
select a, b, b <> all (select i.c from c.inre i where i.a = y.a and i.c is not null) from c.yttre y order by a, b;
select a, b, b = any (select i.c from c.inre i where i.a is distinct from y.a) from c.yttre y order by a, b;
select a, b, (b in (select i.c from c.inre i where i.a = y.a)) is null from c.yttre y order by a, b;
select a, s like any (select i.t || '%' from c.inre i where i.a = y.a) from c.yttre y order by a, b;
select a, 10 in (select i.c from c.inre i where i.a = y.a) from c.yttre y order by a, b;
select a, null in (select i.c from c.inre i where i.a = y.a) from c.yttre y order by a, b;
select a, b, b + 1 in (select i.c from c.inre i where i.a = y.a union select 21) from c.yttre y order by a, b;
select a from c.yttre y group by a having a in (select i.a from c.inre i where i.a = y.a) or a is null order by a;
select a, sum(b), sum(b) in (select i.c from c.inre i where i.a = y.a) from c.yttre y group by a order by a;
select a, count(*) > all (select count(*) from c.inre i where i.a = y.a group by i.t) from c.yttre y group by a order by a;

-- values
select a, b, (select max(i.c) from c.inre i where i.a = y.a) from c.yttre y order by a, b;
select a, b, (select count(*) from c.inre i where i.a = y.a) from c.yttre y order by a, b;
select a, b, (select count(i.c) + coalesce(sum(i.c), 0) from c.inre i where i.a = y.a) from c.yttre y order by a, b;
select a, b, (select sum(i.c) from c.inre i where i.c < y.b) from c.yttre y order by a, b;
select a, b, (select count(*) from c.inre i where i.a = y.a and i.c > y.b) from c.yttre y order by a, b;
select a, b, (select sum(i.c + y.b) from c.inre i where i.a = y.a) from c.yttre y order by a, b;
select a, b, (select y.b + max(i.c) from c.inre i where i.a = y.a) from c.yttre y order by a, b;
select a, b, (select string_agg(i.t, ',' order by i.c desc nulls last) from c.inre i where i.a = y.a) from c.yttre y order by a, b;
select a, b, (select i.c from c.inre i where i.a = y.a and i.c = y.b) from c.yttre y order by a, b;
select a, b, (select i.c from c.inre i where i.a = y.a order by i.c limit 1) from c.yttre y order by a, b;
select a, b, (select i.c from c.inre i where i.a = y.a order by i.c desc nulls last offset 1 limit 1) from c.yttre y order by a, b;
select a, (select i.t from c.inre i where i.a = y.a) from c.yttre y;
select a, (select i.t from c.inre i where i.a = y.a) from c.yttre y where a >= 3 order by a;
select a from c.yttre y where (select i.c from c.inre i where i.a = y.a) = 5;
select a from c.yttre y where a >= 3 and (select i.c from c.inre i where i.a = y.a) = 5;
select a, b from c.yttre y where b = (select max(i.c) from c.inre i where i.a = y.a) order by a, b;
select a, b from c.yttre y where b > (select avg(i.c) from c.inre i where i.a = y.a) or b < 0 order by a, b;
select a, (select 100 / sum(i.c - 20) from c.inre i where i.a = y.a) from c.yttre y where a in (1, 5) order by a;
select a, (select 100 / (count(*) - 1) from c.inre i where i.a = y.a) from c.yttre y where a < 3 order by a, b;
select a, coalesce((select i.t from c.inre i where i.c = y.b), 'ingen') from c.yttre y order by a, b;
select a, (select count(distinct i.t) from c.inre i where i.a = y.a) from c.yttre y order by a, b;
select a, array(select i.c from c.inre i where i.a = y.a order by i.c) from c.yttre y order by a, b;
select a, (select case when count(*) = 0 then 'inga' else 'några' end from c.inre i where i.a = y.a) from c.yttre y order by a, b;
select a, (select y.b) from c.yttre y order by a, b;
select a, (select y.b from c.inre i where i.c = 10) from c.yttre y order by a, b;
select sum((select count(*) from c.inre i where i.a = y.a)) from c.yttre y;
select a, sum((select max(i.c) from c.inre i where i.a = y.a)) from c.yttre y group by a order by a;
select a, sum(b) + (select count(*) from c.inre i where i.a = y.a) from c.yttre y group by a order by a;
select a, b, rank() over (order by (select count(*) from c.inre i where i.a = y.a)) from c.yttre y order by a, b;
select a, b from c.yttre y order by (select max(i.c) from c.inre i where i.a = y.a) nulls first, a, b;
select (select count(*) from c.inre i where i.a = y.a) as n, count(*) from c.yttre y group by 1 order by 1;
select a, (select b from c.inre i where i.a = y.a limit 1) from c.yttre y group by a order by a;

-- two levels
select a, b, (select count(*) from c.inre i where i.a = y.a and exists (select 1 from c.inre j where j.t = i.t and j.a is distinct from y.a)) from c.yttre y order by a, b;
select a, b, (select max(i.c) from c.inre i where i.c = (select min(j.c) from c.inre j where j.a = y.a)) from c.yttre y order by a, b;
select a, b from c.yttre y where exists (select 1 from c.inre i where i.a = y.a and i.c in (select j.c from c.inre j where j.t = y.s)) order by a, b;
select a, b, (select (select y.b + i.c)) from c.yttre y, lateral (select max(c) as c from c.inre k where k.a = y.a) i order by a, b;
select a, (select sum((select count(*) from c.inre j where j.a = i.a and j.c <= y.b)) from c.inre i where i.a = y.a) from c.yttre y order by a, b;
select a, (select count(*) from (select * from c.inre i where i.a = y.a) x where exists (select 1 from c.inre j where j.a = x.a and j.c > y.b)) from c.yttre y order by a, b;

-- LATERAL
select y.a, y.b, l.c from c.yttre y, lateral (select * from c.inre i where i.a = y.a) l order by 1, 2, 3;
select y.a, y.b, l.c from c.yttre y left join lateral (select * from c.inre i where i.a = y.a order by i.c limit 1) l on true order by 1, 2, 3;
select y.a, y.b, l.n from c.yttre y left join lateral (select count(*) as n from c.inre i where i.a = y.a) l on l.n > 0 order by 1, 2, 3;
select y.a, l.m from c.yttre y cross join lateral (select max(i.c) as m, y.b from c.inre i where i.a = y.a) l order by 1, 2;
select y.a, l.x from c.yttre y, lateral (select y.b + i.c as x from c.inre i where i.a = y.a) l order by 1, 2;
select y.a, l.x from c.yttre y left join lateral (select y.b + i.c as x from c.inre i where i.a = y.a) l on l.x > 20 order by 1, 2;
select y.a, l.x from c.yttre y, lateral (values (y.a), (y.b)) l(x) order by 1, 2;
select y.a, l.x from c.yttre y, lateral (select y.a as x union select y.b) l order by 1, 2;
select y.a, g from c.yttre y, generate_series(1, y.a) g order by 1, 2;
select y.a, l.r from c.yttre y, lateral (select row_number() over (order by i.c) as r, i.c from c.inre i where i.a = y.a) l order by 1, 2;
select y.a, l.t, m.n from c.yttre y, lateral (select i.t from c.inre i where i.a = y.a) l, lateral (select count(*) as n from c.inre j where j.t = l.t) m order by 1, 2, 3;
-- words: the table of a wrong LATERAL reference is not named
select * from c.yttre y right join lateral (select * from c.inre i where i.a = y.a) l on true;
select y.a, l.d from c.yttre y, lateral (select distinct i.t as d from c.inre i where i.a = y.a) l order by 1, 2;

-- subqueries in ON
select y.a, i.c from c.yttre y join c.inre i on i.a = y.a and i.c = (select max(j.c) from c.inre j where j.a = y.a) order by 1, 2;
select y.a, y.b, i.c from c.yttre y left join c.inre i on i.a = y.a and exists (select 1 from c.inre j where j.t = i.t and j.a <> i.a) order by 1, 2, 3;
select y.a, y.b, i.c from c.yttre y left join c.inre i on i.a = y.a and y.b in (select j.c from c.inre j where j.a = i.a) order by 1, 2, 3;
select y.a, i.a, i.c from c.yttre y right join c.inre i on i.a = y.a and exists (select 1 from c.inre j where j.c = y.b) order by 1, 2, 3;
select y.a, i.c from c.yttre y left join c.inre i on i.c = (select min(j.c) from c.inre j where j.a = y.a) order by 1, 2;

-- other places
select coalesce((select max(c) from c.inre where a = 99), (select min(c) from c.inre));
select greatest((select max(i.c) from c.inre i where i.a = y.a), y.b) from c.yttre y order by 1;
select * from (values ((select max(c) from c.inre)), ((select min(c) from c.inre))) v(x) order by 1;
select a from c.yttre y where (select count(*) from c.inre i where i.a = y.a) between 1 and (select count(*) from c.inre i where i.t = y.s) order by a, b;
select a from c.yttre limit (select count(*) - 4 from c.inre where a is not null);
select a, b from c.yttre y where (a, b) = (select i.a, i.c from c.inre i where i.a = y.a and i.c = y.b) order by 1;
select b from c.yttre y group by b, a having (select count(*) from c.inre i where i.a = y.a) > 1 order by b;
select sum(b) from c.yttre y having (select count(*) from c.inre i where i.c > 10) > 1;
drop table c.yttre;
drop table c.inre;
-- the order of a subquery in FROM is that of what an aggregate collects of it
select f.id, (select string_agg(namn, ',') from (select namn from v.trad b where b.far = f.id order by namn desc) s) from v.trad f order by 1;
select f.id, (select array_agg(id) from (select id from v.trad b where b.far = f.id order by namn desc) s where id > 2) from v.trad f order by 1;
select f.id, array(select namn from (select namn, id from v.trad b where b.far = f.id order by id desc) s) from v.trad f order by 1;
select f.id, x.names from v.trad f left join lateral (select json_agg(namn) as names from (select namn from v.trad b where b.far = f.id order by id desc) s) x on true order by 1;
-- subqueries over groups of what is compared by keys
select j, (select count(*) from generate_series(1, 3) g where to_jsonb(g) = t.j) from (values ('1'::jsonb), ('2'), ('1.0'), (null)) t (j) group by j order by j;
select j, exists (select 1 from generate_series(1, 3) g where to_jsonb(g) = t.j) from (values ('1'::jsonb), ('7')) t (j) group by j order by 1;
select i, (select t.i), (select max(g) from generate_series(1, 3) g where t.i > interval '1 h' * g) from (values ('1 day'::interval), ('24 h'), ('2 h')) t (i) group by i order by t.i;
select j, a, (select count(*) from generate_series(1, 3) g where to_jsonb(g) = t.j) from (values ('1'::jsonb, 1), ('2', 2)) t (j, a) group by grouping sets ((j), (a), (j, a), ()) order by 1, 2;
select i, a, grouping(i, a), (select t.i + interval '1 h') from (values ('1 day'::interval, 1), ('24 h 1 s', 2)) t (i, a) group by rollup (i, a) order by 3, 2, 1;
select count(*) from (values ('1'::jsonb), ('2')) t (j) group by j having (select t.j::text) > '1';
select j, count(*) from (values ('1'::jsonb), ('2')) t (j) group by j having exists (select 1 from (values ('1'::jsonb)) u (k) where u.k = t.j);
select j, count(*) from (values ('1'::jsonb), ('2')) t (j) group by j having t.j not in (select u.k from (values ('1'::jsonb)) u (k) where u.k <> t.j) order by j;
select count(*) from (values ('1'::jsonb), ('2'), ('2')) t (j) group by j order by (select t.j) desc;
select a, (select array_length(t.a, 1)), (select count(*) from generate_series(1, 4) g where g = any (t.a)) from (values (array[1, null]), (array[1, null]), (array[2, 3])) t (a) group by a order by a;
select r, (select t.r = row(1, 'b'::text)) from (values (row(1, 'b'::text)), (row(2, 'c'::text))) t (r) group by r order by r;
select c, (select count(*) from v.bo where t.c = 'a') from (values ('a'::bpchar), ('a  '), ('b')) t (c) group by c order by c;
select f, (select t.f + 1) from (values (0::float8), ('-0'), (2)) t (f) group by f order by f;
select j, sum(a), (select max(b.id) from v.bo b where b.id > sum(t.a) and t.j is not null) from (values ('1'::jsonb, 1), ('1', 0)) t (j, a) group by j;
select i, rank() over (order by i), (select t.i * 2) from (values ('1 day'::interval), ('2 h')) t (i) group by i order by 2;
select j from (values ('1'::jsonb), ('2')) t (j) group by j having t.j > (select min(u.k) from (values ('1'::jsonb)) u (k));
select j, k, (select t.j) from (values ('1'::jsonb, '2'::jsonb), ('1', '3')) t (j, k) group by cube (j, k) order by 1, 2;
select (select t.j from v.bo limit 1) from (values ('1'::jsonb)) t (j);
select k, (select t.j) from (values ('1'::jsonb, '2'::jsonb)) t (j, k) group by k;
-- the same over tables, whose columns have the table's name
select j from v.falt group by j order by j;
select f.j, count(*) from v.falt f group by f.j order by 2 desc, 1;
select f.j, (select count(*) from v.falt g where g.j = f.j) from v.falt f group by f.j order by 1;
select count(*) from v.falt f join v.falt g on f.id = g.id group by f.j, g.j order by 1;
select f.j, g.j, f.a, (select f.j = g.j) from v.falt f join v.falt g on f.id = g.id group by f.j, g.j, f.a order by f.a, 1, 2;
select 1 from (select null::bigint from v.falt f join v.falt g on true group by f.j, g.j) x limit 1;
select f.j from v.falt f group by f.j having max('A') < (f.j ->> 'a') order by 1;
select min(f.id) over (partition by f.j order by f.id) from v.falt f group by f.j, f.id order by 1;
select max(date '2024-02-29') over (partition by (f.j in (select b from c.bilaga group by b)) order by true) from v.falt f group by f.j order by 1;
select f.j ->> 'a', grouping(f.j) from v.falt f group by rollup (f.j) order by 2, 1;
(select id, j from v.falt except select min(id), f.j from v.falt f group by f.j) order by 1, 2;

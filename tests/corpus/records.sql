-- differs: a literal inside a row is text
select row(1, 2), row(1, 'a'), (1, 'a'), row(), row(null), row(null, null), row(1);
-- differs: a literal inside a row is text
select row('a b', 'c,d', '(x)', '"q"', '', null, 'å\b');
select row(1, 2)::text, (1, 'x y')::text, row(row(1, 2), 3), row(array[1, 2], date '2024-01-01', true, 1.50);
-- differs: the type of a whole row is record
select k from c.konto k order by k.konto;
select konto from c.konto konto order by konto.konto;
select c from (select 1 as a, 'x' as b) c;
select (k).benamning, (k).klass from c.konto k order by (k).konto;
select (k.*).konto from c.konto k order by 1;
select (x).a, (x).b from (select row(1, 2) as y, t as x from (select 1 as a, 'q' as b) t) z;
-- differs: the type of a whole row is record
select (select k from c.konto k where k.konto = '3011');
select ((select k from c.konto k where k.konto = '3011')).benamning;
select (row(1, 2)).f1, (row(1, 'x'::text)).f2;
select (row(1, 2)).f3;
select (t).nope from (select 1 as a) t;
select row(1, 2) = row(1, 2), row(1, 2) < row(1, 3), (1, 2) <> (1, 2), (1, null) = (1, 2), (1, null) = (2, null), row(1, 2) >= row(0, 9), (1, null) < (2, 1);
-- words: where the error is said to be
select (1, 2) = (1, 2, 3);
select (1, 2) in ((1, 2), (3, 4)), (1, 2) not in ((3, 4)), (1, null) in ((1, 2)), (1, 2) in (select 1, 2), (1, 2) = any (select 1, 2), (1, 2) > all (select 0, 5);
select (1, 2) is null, row(null, null) is null, row(null, 1) is null, row(null, 1) is not null, row(1, 2) is not null;
select k is null, k is not null from c.konto k order by konto;
select row(1, 2) is distinct from row(1, 3), row(1, null) is distinct from row(1, null), row(1, null) is not distinct from row(1, null);
select k = k, k < k from c.konto k where konto = '3011';
select a.konto, b.konto from c.konto a join c.konto b on a = b order by 1;
select count(k), count(distinct k) from c.konto k;
select distinct row(klass, aktiv) from c.konto order by 1;
select row(klass, aktiv) as r, count(*) from c.konto group by r order by r;
-- differs: the type of a whole row is record
select k from c.konto k order by k desc;
select max(konto) from c.konto k where k is not null;
-- differs: a literal inside a row is text
select array[row(1, 'a'), row(2, 'b')];
-- differs: the type of a whole row is record
select array_agg(k order by konto) from c.konto k where klass > 3;
select array(select row(id, period) from c.rad where id < 3 order by id);
select case when true then row(1, 2) else row(3, 4) end, coalesce(null, row(1, 2));
select (1, 2)::record, pg_typeof(row(1, 2)) from c.konto k limit 1;
select k.* from c.konto k where (k.konto, k.klass) = ('3011', 3);
select (k.konto, k.klass) = any (array[('3011'::varchar, 3::smallint)]) from c.konto k order by konto;
select x, (x).a from (select t as x from (values (1, 'p'), (2, null)) t(a, b)) s order by (x).a;
select t from (values (1, 'p'), (2, null)) t(a, b) order by t;
select t from generate_series(1, 3) t;
select t from unnest(array[1, 2], array['a', 'b']) t;
select t, t.x from unnest(array[1, 2], array['a', 'b']) t(x, y);
with w as (select 1 as a, 2 as b) select w, w.a, (w).b from w;
select l, r from (values (1)) l(a) left join (values (2)) r(b) on l.a = r.b;
select r is null, r.b from (values (1)) l(a) left join (values (2)) r(b) on l.a = r.b;
select row(1, 2.5, 'x'::text, null::int) as r, row(timestamp '2024-01-01 10:00', interval '1 day');
select length(k::text), k::text like '%Löner%' from c.konto k order by konto;
select row(1, 2) || 'x';
select row(1, 2) + 1;
select json_agg(t) from (values (1, 'p'), (2, null)) t(a, b);
select jsonb_build_object('rad', t) from (values (1, 'p')) t(a, b);
select to_jsonb(r) - 'fri' from c.rad r where id = 1;
select t.*, t from (select 1 as a) t;
select (t.*) = (1, 2) from (select 1 as a, 2 as b) t;
select row(1, 2)::int;
select * from (select row(1, 2)) as t(r);
select nullif(row(1, 2), row(1, 2)), nullif(row(1, 2), row(1, 3));
select greatest(row(1, 2), row(1, 3));
select row(1, 2) between row(1, 1) and row(1, 3);
-- differs: a literal inside a row is text
select row(1, array[row(2, 'x')]);
select exists (select k from c.konto k), (select count(*) from c.konto k where (k).klass = 5);
-- differs: the type of a whole row is record
select f.konto, f from c.konto f, lateral (select f.klass) g where f.konto = '5011';
select k1.konto from c.konto k1 where k1 in (select k2 from c.konto k2 where k2.klass = 3);
select (k.*)::text, (k.*) is null, (k.*) = (k.*) from org.konto k where konto = '30100';

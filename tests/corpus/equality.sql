select distinct i from (values (interval '1 day'),(interval '24 hours'),(interval '2 days')) t(i);
select count(*), count(distinct i) from (values (interval '1 mon'),(interval '30 days'),(interval '2 days')) t(i);
select i, count(*) from (values (interval '1 mon'),(interval '30 days'),(interval '2 days')) t(i) group by i order by i;
select j, count(*), sum(n) from (values ('1'::jsonb,1),('1.0'::jsonb,2),('2'::jsonb,3),(null,4)) t(j,n) group by j order by j;
select i = '24 hours' from (select interval '1 day' union select interval '24 hours') s (i);
select j = '1' from (select '1'::jsonb union select '1.0'::jsonb union select '2') s (j) order by 1;
select interval '1 day' intersect select interval '24 hours';
select interval '1 day' except select interval '24 hours';
select '1'::jsonb intersect all select '1.0'::jsonb;
select '1'::jsonb except all select '1.0'::jsonb;
select distinct x from (values (array[interval '1 day']),(array[interval '24 hours'])) t(x);
select distinct x from (values (array['1'::jsonb]),(array['1.0'::jsonb])) t(x);
select distinct row(i) from (values (interval '1 day'),(interval '24 hours')) t(i);
select count(*) from (select distinct row(j) from (values ('1'::jsonb),('1.0'::jsonb)) t(j)) s;
select array['1'::jsonb] = array['1.0'::jsonb], row('1'::jsonb) = row('1.0'::jsonb), row(array['1'::jsonb]) = row(array['1.0'::jsonb]);
select '1'::jsonb in ('1.0','2'), '1'::jsonb = any(array['1.0'::jsonb]), interval '1 day' in (interval '24 hours'), '1'::jsonb not in ('1.0');
select i, n, row_number() over (partition by i order by n) from (values (interval '1 day',1),(interval '24 hours',2),(interval '2 days',3)) t(i,n) order by n;
select distinct on (i) i, n from (values (interval '1 day',1),(interval '24 hours',2),(interval '2 days',3)) t(i,n) order by i, n;
select a.n, b.n from (values ('1'::jsonb,1),('2',2)) a(j,n) join (values ('1.0'::jsonb,10),('3',30)) b(j,n) using (j);
select j from (values ('1'::jsonb),('2')) t(j) where j in (select '1.0'::jsonb);
select j || '{"z":1}', count(*) from (values ('{"a":1}'::jsonb),('{"a":1.0}')) t(j) group by j;
select j, (select count(*) from generate_series(1,2)) from (values ('1'::jsonb),('1.0')) t(j) group by j having count(*) > 1;
-- refused: a type that is not here
select 1::bit(3);
-- refused: a type that is not here
select '101'::varbit;
-- refused: a type that is not here
select null::money;
-- refused: a type that is not here
select null::inet;
select null::nonesuch;
select to_json(date '2024-02-03');
select distinct j from (values ('{"a":1}'::jsonb),('{"a":1.0}'::jsonb),('{"a":2}'::jsonb)) t(j) order by j;
select castsource::regtype, casttarget::regtype, castfunc::oid, castcontext, castmethod from pg_cast where castsource <> casttarget and castsource in (16, 20, 21, 23, 1700, 1043) and casttarget in (16, 18, 20, 21, 23, 25, 26, 700, 701, 1700) order by 1, 2;
-- ANY and ALL over arrays that are not constant, of types whose equality is not that of their form
select id, interval '24 hours' = any (array[id * interval '1 day', interval '2 days']), interval '36 hours' < all (array[id * interval '1 day']) from v.bo order by id;
select id, '{"a": 1.0}'::jsonb = any (array[jsonb_build_object('a', id)]), '{"a": 1}'::jsonb <> all (array[jsonb_build_object('a', id), null]) from v.bo order by id;
select id, row(1, 'x'::text) = any (array[row(id, 'x'::text)]), row(2, 'y'::text) >= all (array[row(id, 'x'::text)]) from v.bo order by id;
select namn from c.namn where 'ö' < any (array[namn, lower(namn)]) order by namn;
select row(1, 2) is distinct from row(1, null), (1, null) is not distinct from (1, null), row(1, 'a') is distinct from row(1, 'b'), row(1) is distinct from row('2');
select (1, 2) is distinct from (1, 2, 3);

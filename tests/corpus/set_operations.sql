select 1 union select 2 order by 1;
select 1 union all select 1;
select 1 union select 1;
-- differs: one scale per column
select 1 as a union select 2.5 order by a;
select 'a' union select null order by 1;
select null union select 1 order by 1;
select 1 union select 'a';
select 1, 2 union select 3;
select forvaltning from c.rad intersect select '101' order by 1;
select forvaltning from c.rad except select '101' order by 1;
select forvaltning from c.rad except all select '101' order by 1;
select forvaltning from c.rad intersect all select forvaltning from c.rad where id < 3 order by 1;
(select id from c.rad order by id limit 1) union all (select id from c.rad order by id desc limit 1) order by 1;
select 1 union select 2 union all select 2 order by 1;
select 1 union select 2 except select 1;
select 1 intersect select 1 union select 3 order by 1;
select konto as k from c.konto union select konto from c.rad order by k;
-- words: the hint does not look into the arms
select konto as k from c.konto union select konto from c.rad order by konto;
select klass, 'x' from c.konto union all select antal, fri from c.rad order by 1, 2;
select date '2024-01-01' union select timestamp '2024-01-01 10:00' order by 1;
values (1), (2) union all select 3 order by 1 desc;
select count(*) from (select id from c.rad union all select id from c.rad) x;
select '1' union all select '2' order by 1;
select 1::smallint union select 2::bigint order by 1;

-- spellings: strings, names, numbers, comments, operators
select 'first line'
' - next line'
	' - third line' as "Three lines to one";
select 'a''b', E'a\'b', E'tab\there', E'\x41\101\u00e5', 'back\slash';
select e'\\', E'\b\f\n\r\t' = chr(8) || chr(12) || chr(10) || chr(13) || chr(9);
select U&'d\0061t\+000061', u&'\0441\043B\043E\043D', U&'a\\b';
select U&'d!0061t!+000061' uescape '!';
select U&"d\0061t\+000061" from (select 1 as data) x;
select U&"d*0061t*+000061" uescape '*' as "x" from (select 1 as data) y;
select U&'wrong\06';
select U&'wrong' uescape '+';
select $$dollar 'quoted'$$, $tag$with $$ inside$tag$, $$$$;
select $tag$unterminated;
select 'unterminated;
select "unterminated;
select /* unterminated;
select 1 /* a /* nested */ comment */ + 1;
-- differs: national strings are text
select N'national', n'n';
-- refused: bit strings
select B'101';
-- refused: bit strings
select X'1F';
select 1e10, 1.5e-3, .5, 5., 1e+2, 0.1e1;
select 123abc;
select 1_000;
select 0x1F;
-- words: where a dot is too many
select 1..2;
select 1.2.3;
select 2147483647, 2147483648, 9223372036854775807, 9223372036854775808;
select -2147483648, -9223372036854775808, - -1, + +1, -(-1);
select 99999999999999999999999999999999999;
select 1.10, 1.100 + 1, 00012, 1.0e0;
select "Upper", "lower", "with ""quotes""" from (select 1 as "Upper", 2 as "lower", 3 as "with ""quotes""") x;
select upper from (select 1 as "Upper") x;
select "";
select 1 as "";
select åäö from (select 1 as åäö) x;
select ÅÄÖ from (select 1 as "ÅÄÖ") x;
select _under$dollar from (select 1 as _under$dollar) x;
-- differs: no notice about a name that is cut off
select abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz from (select 1 as abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk) x;
-- differs: no notice about a name that is cut off
select 1 as abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz;
SELECT 1 AS One, 2 AS "One";
select 1+-1, 2*-3, 4 - -4, 5--comment
;
select 1 <>2, 1!=2, 1<=2, 1>=2, 1=1;
select 1 operator(pg_catalog.+) 2, 3 operator(pg_catalog.=) 3, operator(pg_catalog.-) 4;
select 1 operator(pg_catalog.<) 2 and 'a' operator(pg_catalog.~~) 'a%';
select 1 operator(nope.+) 2;
select 2 + 3 * 4 ^ 2, (2 + 3) * 4, -2 ^ 2, 2 ^ 3 ^ 2, 10 - 4 - 3, 100 / 10 / 2;
select not true = false, not false and false, true or false and false, not not true;
select 1 < 2 = true, 1 = 1 is true, 'a' || 'b' = 'ab', 1 + 1 || 'x';
select 1 in (1, 2) = true, 2 between 1 and 3 and true, 'abc' like 'a%' and true;
select 5 % 3 * 2, 5 - 2 % 3, 2 * 3 % 4;
select ~1, ~1 & 3, 1 | 2 # 3, 1 << 2 + 1, 8 >> 1;
-- words: a sign that is none
select @ -5, |/ 25.0, ||/ 27.0, 5 ! ;
select -1::smallint, -1::text, 1::int::text || 'x', '5'::int + 1;
select -32769::smallint;
select (-32768)::smallint;
select cast('1' as integer), cast(null as text), int '5', integer '6', float '1.5', double precision '2.5', numeric '3.5', numeric(5,2) '4.567', char 'abc', varchar(2) 'abc', boolean 'yes', bool 'f';
select date '2024-01-01', time '10:00', timestamp '2024-01-01 10:00', timestamp with time zone '2024-01-01 10:00+01', timestamptz '2024-07-01 10:00+02', interval '1 day';
select time with time zone '10:00+01';
select interval '1-2' year to month, interval '1' day, interval '1 2:03' day to minute, interval '90' minute, interval '1.5' hour, interval '3' second;
select interval(3) '1.23456 sec', interval '1.23456' second(2), timestamp(2) '2024-01-01 00:00:00.126';
select integer('5'), text(5), float8('1.5'), date('2024-01-01'), int4(1.7), int8('7'), varchar('x');
select text '123'::integer, 'a'::char(3) || '|', 'abc'::varchar(2), 'abc'::char(2);
select null, null::integer, null::text;
select true, false, 't'::boolean, 'off'::bool, '1'::bool, ' yes '::bool, 'tru'::bool;
select 'x'::boolean;
select ''::integer;
select '12x'::integer;
select ' 12 '::integer, '-0'::integer, '+5'::integer;
select array[1, 2][1], (array[1, 2, 3])[2:3], array[[1, 2], [3, 4]][1][2], '{1,2}'::int[];
select array[]::integer[], array[null], array['a', null];
-- words: no position
select array[];
select array[1, 'a'];
select array[1, 2.5], array[1, null], array['1', 2];
select row(1, 2) = row(1, 2), row(1, 2) < row(1, 3), (1, 2) <> (2, 1), row(1, null) = row(1, null);
-- words: the place of the longer row
select (1, 2) = (1, 2, 3);
select row() is null;
select (1, null) is null, (null, null) is null, (1, 2) is not null, (1, null) is not null;
select 'a' collate "C" < 'B' collate "C", 'a' collate "POSIX";
select 'a' collate "nope";
-- differs: collations are not compared
select 'a' collate "C" < 'b' collate "POSIX";
select 1 collate "C";
select case when 1 = 1 then 'a' end, case 1 when 2 then 'b' else 'c' end, case when null then 1 else 2 end;
select case;
select case when 1 then 2 end;
select case 1 when 'a' then 1 end;
select case when true then 1 when false then 'x' end;
select coalesce(null, null), coalesce(1, 2.5), nullif(1, 1), greatest(1, 2, 3), least('b', 'a'), greatest(1, null);
select extract(year from date '2024-05-06'), extract('month' from date '2024-05-06'), extract(dow from timestamp '2024-05-06 10:00'), extract(epoch from interval '1 day');
select position('b' in 'abc'), overlay('abcdef' placing 'xx' from 2 for 3), substring('abcdef' from 2 for 3), substring('abcdef' for 2), substring('abcdef' from 3), trim(both 'x' from 'xxaxx'), trim(leading from '  a'), trim('  a  '), trim(trailing 'x' from 'ax'), trim('x' from 'xax'), trim(both from ' a ');
select substring('Thomas' from '...$'), substring('Thomas' from '%#"o_a#"_' for '#'), substring('abc' similar '_#"b#"_' escape '#');
select normalize('å', nfc) = 'å', 'å' is normalized, 'a' is nfd normalized;
select current_date = current_date, current_timestamp is not null, localtimestamp is not null, current_user = user, session_user is not null, current_catalog is not null, current_schema is not null;
select current_timestamp(0) is not null, localtimestamp(3) is not null;
select (select 1), exists (select 1), 1 = any (select 1), array(select 1), 1 in (select 1);
select 1 = any (array[1, 2]), 1 = some ('{1,2}'), 3 <> all (array[1, 2]), 'a' like any (array['a%', 'b%']), 'c' not like all (array['a%', 'b%']);
select 1 = any (1);
select any (array[1]);
select 1 is null, 1 notnull, null isnull, 1 is distinct from 2, null is not distinct from null;
select true is true, null is unknown, false is not true, (1 = 1) is not unknown;
select 1 is true;
select 'a' is null or 'b' is not null and false;
select 5 between 1 and 10, 5 not between 6 and 7, 5 between symmetric 10 and 1, 'b' between 'a' and 'c';
select 'abc' like '_b%', 'abc' not like 'x%', 'a%c' like 'a\%c', 'a%c' like 'a!%c' escape '!', 'ABC' ilike 'abc', 'abc' ~ '^a', 'ABC' ~* 'b', 'abc' !~ 'x', 'abc' similar to '(a|b)%', 'abc' not similar to 'x';
-- words: a detail that is a hint
select 'abc' like 'abc' escape 'xx';
select 'a' ~ '(';
-- words: the function of AT TIME ZONE
select 1 at time zone 'UTC';
select timestamp '2024-01-01 12:00' at time zone 'UTC', timestamptz '2024-01-01 12:00+00' at time zone 'America/New_York', timestamp '2024-01-01 12:00' at time zone interval '-01:00';
select timestamp '2024-01-01' at time zone 'Nope/Nope';
select 1 as a, 2 as a, 3 a;
select make_interval(years => 1, months := 2), make_interval(1, days => 3), make_interval(weeks => 1);
select make_interval(nope => 1);
select make_interval(years => 1, 2);
select make_interval(years => 1, years => 2);
select concat(variadic array['a', 'b']), format('%s-%s', variadic array['x', 'y']);
select concat_ws(',', 'a', null, 'b'), concat('a', 1, null, true);
select upper(variadic array['a']);
-- words that only other databases know, and any word behind a dot, are names
select top.a, match, div + 1 as xor from (select 1 as a, 2 as match, 3 as div) top;
select x.true, x.null, x.user, x.from, x.select, x.current_date from (select 1 as true, 2 as null, 3 as user, 4 as from, 5 as select, 6 as current_date) x;
select pg_catalog.int8('7'), pg_catalog.substring('abcdef', 2, 3), pg_catalog.left('abc', 1);
select rows, trim.a from (select 1 as rows) x, (select 2 as a) trim;
select user = current_user, session_user = user from (select 'x' as "user") y;
create temporary table if not exists finns_redan (a integer);
create temporary table if not exists finns_redan (a integer);
drop table if exists finns_redan;
select 1 = 1 = true;
select 1 < 2 and 2 < 3, (1 < 2) = true;
select 'ab' like all (array['a%', '%b']), 'ab' ilike all ('{A%,%c}'), 'ab' not like any (array['a%', 'x%']);
select array[1, 2, 3][2];
select current_schemas(false)[1];
select (array[1, 2, 3])[2], (current_schemas(false))[1];
select '{1,2}'::int[][1], cast('{1,2}' as int[])[1];
select case when true then array[1, 2] end[1];
select [1, 2];
select array[[1, 2], [3, 4]], array[[[1]]];
select 1 in ([1]);
select 1 as 'ett';
select {d '2024-01-01'};

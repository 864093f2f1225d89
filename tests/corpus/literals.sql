select 1;
select 1, 2;
select 2147483647;
select 2147483648;
select 9223372036854775808;
select -1;
select 1.5;
select .5;
select 1.;
select 1e3;
select 1.50e-2;
select 'a';
select null;
select true, false;
select E'a\nb\t\\';
select U&'\00e5';
select $$dollar 'quoted'$$;
select $x$dollar $$ quoted$x$;
select 'it''s';
select 'a' 'b';
select date '2024-02-29';
select timestamp '2024-02-29 12:34:56.789';
select timestamptz '2024-02-29 12:34:56+02';
select time '12:34:56.5';
select interval '1 day 2 hours';
-- differs: an interval's fields are not kept in its modifier
select interval '1' month;
select numeric '1.50';
select float8 '1.5';
select float8 'NaN', float8 'Infinity', float8 '-Infinity';
select int2 '7', int8 '8';
select bool 't', boolean 'off';
select uuid 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11';
select bytea '\xdeadbeef';
-- refused: bit strings
select x'1f';
select array[1, 2, 3];
select array['a', null, 'b c', 'd"e'];
-- differs: one scale per column
select array[1.5, 2];
select '{1,2,3}'::int[];
select array[]::text[];
-- refused: arrays of arrays
select array[array[1,2],array[3,4]];
-- differs: a literal inside a row is text
select row(1, 'a');
select 1 as a, 2 as "B c", 3 as c;
select 1 x, 2 y;
select /* comment /* nested */ */ 1 -- end
;
select 1 as "?column?";
select 'a'::text, 'b'::varchar, 'c'::varchar(10), 'd'::char(3), 'e'::bpchar, 'f'::name;
select 'abcdef'::varchar(3), 'ab'::char(4), 'abc'::char(2);
select 1::smallint, 1::bigint, 1::numeric, 1::numeric(5,2), 1::real, 1::double precision;
select 1.0::float4, 0.1::float4, 0.1::float8, 1e20::float8, 1e-7::float8, 123456789.123::float8, 1e15::float8, 1e16::float8;
select current_date = current_date, now() = now();
select 'now'::timestamptz = now();
select 1::oid, 'pg_class'::regclass, 'int4'::regtype;

select true, false, 't'::bool, 'yes'::bool, 'off'::boolean, '1'::bool, ' TRUE '::bool, 1::bool, 0::bool, true::int, true::text, 'f'::char(1)::bool;
select 'maybe'::bool;
select 2::bool::text, (not true)::text, 'o'::bool;
select 32767::int2, -32768::int2, 2147483647, -2147483648, 9223372036854775807, -9223372036854775808, '  12  '::int, '+7'::int2;
select 32768::int2;
select '2147483648'::int;
select 9223372036854775808::int8;
select ''::int;
select '1.5'::int;
select '0x1f'::int;
select 1.5::int, 2.5::int, -1.5::int, -2.5::int, 1.5::float8::int, 2.5::float8::int, '1e3'::numeric::int, 1e10::int8;
select 1e10::int;
select 123456789012345678901234567890, 1.5, .5, 5., 1e3, 1e-3, 1.50e2, 0.0, -0.00, 99999999999999999999999999999999999999;
select 1.2345678901234567890123456789012345678, 0.00000000000000000000000000000000000001;
-- differs: numeric has at most 38 digits
select 123456789012345678901234567890123456789012;
-- differs: numeric has at most 38 digits
select 1e40;
-- refused: numeric NaN
select 'NaN'::numeric;
-- refused: numeric infinity
select 'Infinity'::numeric;
select 12.345::numeric(5,2), 12.345::numeric(4,1), 12::numeric(5,2), '12.3'::numeric(6,3), 0.5::numeric(2,0), 1.5::numeric(2,0), -0.5::numeric(1,0);
select 1234.5::numeric(5,2);
select 1::numeric(0);
select 1::numeric(1001);
select 1.5::float4, 0.1::float4, 1e-10::float4, 3.4e38::float4, 1234567.0::float4, 123456789::float4, '1e-45'::float4, 16777217::float4;
-- words: where the error is said to be and how the error is worded
select 1e39::float4;
-- words: where the error is said to be and a detail and how the error is worded
select 0.1::float8, 1/3::float8, 1e300, 1e308::float8 * 10 is null, 'NaN'::float8, 'Infinity'::float8, '-inf'::float4, 1e15::float8, 1e16::float8, 123456789.123456789::float8, 5e-324::float8, -0.0::float8;
select '1e400'::float8;
select 'abc'::float8;
select 'NaN'::float8 = 'NaN'::float8, 'NaN'::float8 > 'Infinity'::float8, 'NaN'::float8 < 1, 0.0::float8 = '-0'::float8;
select f from (values ('NaN'::float8), (1), ('-inf'), ('inf'), (null), (0)) v(f) order by f;
set extra_float_digits = 0;
select 0.1::float8 + 0.2::float8, 1/3::float8, 0.1::float4, 1e20::float8, 123456789.123::float8, 1e15::float8, 1e14::float8;
set extra_float_digits = -3;
select 1/3::float8, 1/3::float4, 123456.789::float8;
set extra_float_digits = 3;
select 1/3::float8, 0.1::float4, 0.3::float8, (1/3::float8)::text;
reset extra_float_digits;
set bytea_output = 'escape';
select '\x00ff41'::bytea, 'abc\\def'::bytea, array['\x41'::bytea], row('\x0041'::bytea);
set bytea_output = 'hex';
select '\x00ff41'::bytea, 'a\\b\001'::bytea, '\xDE AD'::bytea, 'abc'::bytea, ''::bytea, '\x'::bytea;
select '\x0'::bytea;
select '\xzz'::bytea;
select '\9'::bytea;
select 'ab'::char(4), 'ab'::char(4) || '|', length('ab'::char(4)), 'ab'::char(4)::text || '|', 'ab'::char(4)::varchar || '|', char_length('ab  '::char(4)), bit_length('ab'::char(4));
select 'ab'::char(4) = 'ab', 'ab'::char(4) = 'ab ', 'ab'::char(4) = 'ab '::text, 'ab'::char(4) = 'ab'::char(2), 'ab'::char(4) < 'ab'::char(5), 'ab '::varchar = 'ab'::varchar, 'a '::char(2) = 'a'::varchar;
select 'ab'::char(4) like 'ab', 'ab'::char(4) like 'ab  ', 'ab'::char(4) like 'ab%', 'ab'::char(4) ~ '^ab$', 'ab'::char(4) in ('ab', 'cd'), 'ab'::char(4) between 'aa' and 'ab';
select upper('ab'::char(4)) || '|', trim('ab '::char(4)) || '|', substring('ab'::char(4), 1, 3) || '|', concat('ab'::char(4), '|'), format('%s|', 'ab'::char(4)), reverse('ab'::char(4)), repeat('ab'::char(3), 2);
select 'abcdef'::char(3), 'abcdef'::varchar(3), cast('åäö' as varchar(2)), 'abc'::char, 'abc'::bpchar, 'abc  '::bpchar || '|', 'abc'::character varying;
select max(x), min(x), count(distinct x) from (values ('a'::char(3)), ('b'::char(3)), ('a'::char(3))) v(x);
select x, length(x) from (values ('b'::char(3)), ('a')) v(x) order by x;
create table c.text_typer (v varchar(3), f char(3), t text);
insert into c.text_typer values ('abc', 'a', 'x'), ('a  ', 'abc', null);
insert into c.text_typer values ('abcd', 'a', 'x');
insert into c.text_typer values ('a', 'abcd', 'x');
insert into c.text_typer values ('abc   ', 'abc   ', 'x');
select v, f, t, length(v), length(f), f || '|', v || '|', f = 'a', f like 'a%', f = t from c.text_typer order by v, f;
drop table c.text_typer;
select 'a'::"char", 'abc'::"char", 65::"char", 'a'::"char"::int, ''::"char", 'b'::"char" > 'a'::"char", 'x'::"char"::text;
select 'abc'::name, repeat('x', 70)::name, length(repeat('x', 70)::name), 'a'::name = 'a', 'a'::name || 'b', 'a'::name::text;
select 1::oid, '4294967295'::oid, -1::oid, 1::oid = 1, 1::oid < 2::oid, 1::oid::int8, 'pg_class'::regclass, 'pg_class'::regclass::oid, 1259::regclass, 'int4'::regtype, 'integer'::regtype::oid, 23::regtype, 'varchar(10)'::regtype;
select 'finns_inte'::regclass;
select 'c.konto'::regclass::text, 0::regclass, 99999999::regclass, to_regclass('finns_inte'), to_regtype('int4'), 'pg_catalog'::regnamespace, 'int4in'::regproc;
select '4294967296'::oid;
-- refused: bit strings
select B'101', B'', X'1F', b'0' || b'1', B'101'::bit(3), B'101'::bit(5), B'10101'::bit(3), B'101'::varbit, B'101'::varbit(2), '101'::bit(3), '1'::bit;
-- refused: bit strings
select B'102';
-- refused: bit strings
select X'1G';
-- refused: bit strings
select B'1100' & B'1010', B'1100' | B'1010', B'1100' # B'1010', ~B'1100', B'1100' << 1, B'1100' >> 2, B'10' || B'01';
-- refused: bit strings
select B'11' & B'101';
-- refused: bit strings
select B'101' = B'101', B'101' < B'11', B'1' < B'10', B'0' <> B'1', B'01'::varbit > B'1'::varbit, B'101'::bit(3) = B'101'::varbit;
-- refused: bit strings
select length(B'10101'), octet_length(B'101010101'), bit_length(B'101'), substring(B'110010' from 2 for 3), position(B'01' in B'1101'), overlay(B'11111' placing B'00' from 2 for 2), get_bit(B'101', 1), set_bit(B'101', 1, 1), bit_count(B'1011');
-- refused: bit strings
select B'101'::text, '101'::text::bit(3), array[B'101', B'011'], row(B'101'), to_json(B'101');
-- refused: bit strings
select b from (values (B'101'::varbit), ('1'), ('01'), ('10'), (null), ('')) v(b) order by b;
-- refused: bit strings
select bit_and(b), bit_or(b), bit_xor(b) from (values (B'1100'), (B'1010')) v(b);
select 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid, '{A0EEBC999C0B4EF8BB6D6BB9BD380A11}'::uuid, 'a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11'::uuid, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid::text;
select 'a0eebc99'::uuid;
select '2024-02-30'::date;
select date '2024-02-29', date '0001-01-01', date '4713-01-01 BC', date '5874897-12-31', date 'epoch', date '20240229', date 'J2451187', date 'January 8, 1999', date '1999-Jan-08', date '08-Jan-99';
select date '5874898-01-01';
-- words: how the error is worded
select date '4714-01-01 BC';
select timestamp '294246-12-31 23:59:59.999999';
-- differs: timestamps end with the year 294246
select timestamp '294276-12-31 23:59:59.999999';
select timestamp '4713-01-01 00:00:00 BC', timestamp '2024-01-01 24:00:00', timestamp '2024-01-01 23:59:60', timestamp '2024-01-01 10:00:00.1234567', timestamp 'epoch', timestamp '2024-01-01 10:00 PM', timestamp '20240101T101112', timestamp '2024-01-01 10:00+05';
select timestamp '2024-01-01 25:00';
select time '10:11:12.5', time '24:00', time '10:11 PM', time '00:00:00.0000004', time '23:59:59.9999999', time '10:11:12+02', time(1) '10:11:12.55', time '2024-01-01 10:00:00';
select time '24:00:01';
select date 'infinity', date '-infinity', timestamp 'infinity', timestamptz '-infinity', 'infinity'::date::timestamp, timestamp 'infinity'::date;
select date 'infinity' > date '5000-01-01', timestamp 'infinity' = timestamptz 'infinity', isfinite(date 'infinity'), date 'infinity' + 1, timestamp 'infinity' + interval '1 day', timestamptz 'infinity' at time zone 'UTC', date_trunc('day', timestamp 'infinity'), extract(day from timestamp 'infinity'), to_char(date 'infinity', 'YYYY');
-- refused: infinity of numeric
select extract(epoch from timestamp 'infinity'), extract(year from date '-infinity');
select d from (values (date 'infinity'), ('2024-01-01'), ('-infinity'), (null)) v(d) order by d;
select date 'infinity' - date '2024-01-01';
-- differs: PostgreSQL 15's difference of infinite timestamps is arithmetic of their bounds
select age(timestamp 'infinity', timestamp '2024-01-01');
select timestamp(0) '2024-01-01 10:00:00.5', timestamp(3) '2024-01-01 10:00:00.1235', timestamptz(1) '2024-01-01 10:00:00.16+01', '10:00:00.55'::time(1);
select pg_typeof(1), pg_typeof(1.5), pg_typeof('a'), pg_typeof(null), pg_typeof('a'::varchar), pg_typeof(true), pg_typeof(now()), pg_typeof(date '2024-01-01'), pg_typeof(1::int2), pg_typeof(9999999999), pg_typeof('x'::"char"), pg_typeof(interval '1 day');
select 'a'::varchar(5), 1::numeric(5,2), '2024-01-01'::timestamp(3), 'a'::char(5), '10:00'::time(2), '10:00+00'::timetz(2);
select 1::text || 2::text, 1.50::text, 1e20::float8::text, true::text, date '2024-01-01'::text, null::text, 'x'::text::varchar(1), array[1]::text;
select 'x'::varchar(0);
select 'x'::foo;
select 1::text::int, '1'::varchar::int8, 'x'::text::bytea, 1::int4::int2::int8, 1.7::numeric::int::text, '1.5'::text::numeric(3,1), 'abc'::text::char(2)::text;
select 1::date;
select true::numeric;
select now()::int;
select date '2024-01-01'::int;
select '{1}'::int;
select $$ab$$::text::name::varchar(1), cast(null as int[]), cast('12' as smallint) + 1, int4 '5' + 1, float8 '1.5', varchar(2) 'abc';

SET bytea_output = 'escape';
SELECT '\x6162ff5c'::bytea::text, '\x6162ff5c'::bytea, 'x' || '\xff'::bytea::text;
RESET bytea_output;
select pg_typeof(nullif('a'::varchar, 'b')), pg_typeof(nullif('a'::varchar(3), 'b'::text)), pg_typeof(nullif('a'::char(3), 'b')), pg_typeof(nullif(1::smallint, 2)), pg_typeof(nullif(1, 2::bigint)), pg_typeof(nullif(1, 2.5::float8)), pg_typeof(nullif(1::bigint, 2.5)), pg_typeof(nullif(date '2024-01-01', timestamp '2024-01-01')), pg_typeof(nullif(1.5::real, 1)), pg_typeof(nullif('a'::name, 'a'::text)), pg_typeof(nullif(1::real, 1.5)), pg_typeof(nullif(1.5, 1::float8));
select nullif(namn, '') from org.konto order by konto limit 2;
select nullif(1.5::numeric(5,2), 0), nullif(7::int, 2.5), nullif(7, 7.0), nullif(null, 'x'), nullif('x', null);
-- differs: an array made of a vector begins at 1
select '23 25 0'::oidvector::regtype[], '23 25'::oidvector::oid[], proargtypes::regtype[] from pg_proc where proname = 'starts_with';

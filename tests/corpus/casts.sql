select '12'::int, '12.5'::numeric, '1e3'::float8, '-5'::smallint, ' 7 '::bigint;
select '12x'::int;
select ''::int;
select '99999999999'::int;
select '40000'::smallint;
select 40000::smallint;
select 3000000000::int;
select 1e20::bigint;
select 'x'::numeric;
select 'x'::float8;
select '1e400'::float8;
-- words: a literal of more than 38 digits is refused as a numeric
select 1e400::float8;
select 'maybe'::boolean;
select 1::boolean, 0::boolean, 'yes'::boolean, 'n'::boolean, true::int, true::text;
select 2::smallint::boolean;
select 123.456::numeric(5,2), 123.455::numeric(6,2), (-123.455)::numeric(6,2);
select 1234.5::numeric(5,2);
select 12345::numeric(4,0);
select 'abc'::uuid;
select '{1,2'::int[];
select '{1,x}'::int[];
select '{"a b",c,NULL,"NULL"}'::text[];
select cast(1 as varchar(5)), cast('abc' as varchar), 'abc'::text::varchar(2);
select 1.5::text, 100::text, 1e10::float8::text, 'Infinity'::float8::text, 0.1::float4::text, date '2024-01-01'::text, true::varchar;
select 1::text || 'a', 12::varchar(1);
select belopp::text, antal::text, vikt::text, datum::text, andrad::text, nyckel::text from c.rad order by id;
select belopp::numeric(12,1), belopp::real, belopp::bigint from c.rad order by id;
select i2::int, i4::int8, i8::numeric, n::int, f4::float8, f8::numeric(20,3) from c.num where i4 between -100 and 100 order by i4;
select i8::int from c.num order by i8;
select f8::int from c.num order by f8;
select n::smallint from c.num order by n;
select fri::int from c.rad;
select konto::int from c.rad order by id;
select konto::int + 1 from c.konto order by konto;
select '2024-01-01'::timestamp, '2024-01-01'::date::timestamp::date, '10:11'::time::text, '1 day'::interval::text;
select 1::int4 = '1', '1' = 1, 1.5 = '1.50', true = 't', date '2024-01-01' = '2024-01-01';
select 'a'::"char", 65::"char", 'abc'::"char";
select null::int, null::text || 'a', null + 1, null = null, (null::int)::text;
select 1::unknown_type;
select '[1,2]'::json, '{"a":1}'::jsonb, '{"b":1,"a":2}'::jsonb, '{"a": 1}'::json;
select 'nojson'::json;
select '{"a":{"b":[1,2]}}'::jsonb -> 'a' -> 'b' -> 0, '{"a":{"b":"x"}}'::json #>> '{a,b}', '{"a":"t"}'::jsonb ->> 'a';
select int4 '1', cast(null as integer), int '5' + 1, (-5)::int, -5::int, - '5'::int;
-- refused: bit strings
select 1::bit(3);
-- differs: there is no money: 42703
select money '1.00';

-- the shortest text that is read back, never one just between two values; hexadecimal floats
SELECT 1e23::float8, 1666666666666833.25::float8, 5e-324::float8, 3.4e38::float4, '0x10'::float8, '0x1.8p3'::float4, cast('0x1A' AS text)::float8;
SELECT 2.718281828459045::float8::numeric, 0.1::float4::numeric, 1e-5::float8::numeric, (-0.0)::float8::numeric, 1e15::float8::numeric;
SELECT '{1.50,2.25}'::numeric[], '{7,NULL}'::numeric[];
SELECT '42'::date;

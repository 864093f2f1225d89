select 'a' || 'b', 'a' || 1, 1 || 'a', 'a' || null, 'x'::varchar(3) || 'y';
select length('åäö'), char_length('abc'), octet_length('åäö'), bit_length('a'), character_length('x');
select upper('åäö'), lower('ÅÄÖ'), initcap('hej på dig');
select substring('abcdef' from 2 for 3), substring('abcdef', 2), substring('abcdef' from 0 for 2), substr('abcdef', 3, 2), substring('abc' for 2);
select substring('foobar' from 'o.b'), substring('foobar' from 'o(.)b'), substring('foobar' similar '%#"o_b#"%' escape '#');
select substring('abc', 1, -1);
select position('b' in 'abc'), strpos('abc', 'c'), strpos('abc', 'x');
select overlay('abcdef' placing 'XX' from 3), overlay('abcdef' placing 'XX' from 3 for 1);
select trim('  a  '), ltrim('  a'), rtrim('a  '), btrim('xxaxx', 'x'), trim(both 'x' from 'xax'), trim(leading from '  a'), trim(trailing 'x' from 'axx');
select lpad('a', 3), lpad('a', 3, 'xy'), rpad('abc', 2), rpad('a', 4, 'xy'), lpad('abc', 0);
select replace('abcabc', 'b', 'X'), replace('abc', '', 'x'), translate('12345', '143', 'ax'), reverse('abc'), repeat('ab', 3), repeat('a', -1);
select split_part('a,b,c', ',', 2), split_part('a,b,c', ',', -1), split_part('a,b,c', ',', 9);
select concat('a', null, 1, true), concat_ws('-', 'a', null, 'b', 2);
select left('abcdef', 2), left('abcdef', -2), right('abcdef', 2), right('abcdef', -2);
select ascii('a'), ascii('å'), ascii(''), chr(97), chr(229);
select md5('a'), to_hex(255), to_hex(-1);
select quote_ident('Abc'), quote_ident('abc'), quote_literal('it''s'), quote_nullable(null);
select format('%s %I %L %%', 'a', 'B c', 'd''e'), format('%2$s %1$s', 'a', 'b'), format('%-5s|%5s|', 'a', 'b');
select starts_with('abc', 'ab'), 'abc' ^@ 'ab';
select 'abc' like 'a%', 'abc' like '_b_', 'abc' not like 'b%', 'a%c' like 'a\%c', 'a_c' like 'a!_c' escape '!', 'ABC' ilike 'abc', 'abc' ~~ 'a%', 'abc' !~~ 'a%';
select 'abc' like 'abc\';
select 'abc' ~ '^a', 'abc' ~* 'B', 'abc' !~ 'z', 'abc' !~* 'B';
select 'abc' similar to 'a(b|c)+', 'abc' not similar to 'x%';
select 'abc' ~ '(';
select regexp_replace('foobarbaz', 'b..', 'X'), regexp_replace('foobarbaz', 'b..', 'X', 'g'), regexp_replace('abc', '(b)', '[\1]'), regexp_replace('ABC', 'b', 'x', 'i');
select regexp_match('foobarbequebaz', '(bar)(beque)'), regexp_matches('foobar', 'o', 'g');
select regexp_split_to_array('a  b c', '\s+'), regexp_count('abab', 'a'), regexp_like('abc', 'B', 'i'), regexp_substr('foobar', 'o+'), regexp_instr('foobar', 'b');
select string_to_array('a,b,,c', ','), string_to_array('a,b', ',', 'b'), array_to_string(array[1,null,3], ','), array_to_string(array[1,null,3], ',', '*');
select encode('abc'::bytea, 'hex'), encode('abc'::bytea, 'base64'), decode('616263', 'hex');
select 'abc' < 'abd', 'a' < 'B', 'Å' > 'Z', '' < 'a', 'a' = 'a ';
select 'a '::char(3) = 'a'::char(3), 'a '::char(3) = 'a', length('a '::char(3)), 'a'::char(3) || 'b';
select unistr('\00e5'), normalize('å') = 'å';
select fri || '!' from c.rad order by id;
select upper(fri), length(fri), coalesce(nullif(fri, ''), '-') from c.rad order by id;
select fri from c.rad where fri like '%\_%' order by id;
select fri from c.rad where fri like 'l%' or fri like 'Å%' order by id;
select benamning from c.konto order by benamning;
select benamning from c.konto where benamning > 'K' order by 1 desc;
select min(benamning), max(benamning) from c.konto;
select forvaltning || '-' || konto, concat(forvaltning, konto) from c.rad order by id;
select string_to_array(benamning, ' ') from c.konto order by konto;
-- differs: a subscript of a literal is 42804
select 'abc'[1];
select text 'a' = varchar 'a', name 'abc' = 'abc', 'abc'::name::text;
select cast('  12 ' as integer), cast(12 as text), cast(1.50 as text), cast(true as text), cast(1.5::float8 as text), cast('x' as char);
select 'abc'::bytea, '\000'::bytea;
select length('\x0102'::bytea), '\x01'::bytea || '\x02'::bytea, substring('\x010203'::bytea from 2 for 1), get_byte('\x0102'::bytea, 1);
select to_char(1234.5, '9999.99'), to_char(-1234.5, '9,999.99'), to_char(12, '000'), to_char(0.5, 'FM990.00'), to_char(1234567.891, 'FM9,999,999.00'), to_char(5, 'RN'), to_char(1234.5, '9G999D99'), to_char(-5, 'S999'), to_char(5, '99MI');
select to_number('1,234.50', '9,999.99'), to_number('-12', 'S99');

-- of several matches at one place the longest is taken, or the shortest where the first quantifier is non-greedy
SELECT regexp_substr('12 kronor', 'kr|kronor'), regexp_replace('xabcd', 'a|ab|abc', '-'), regexp_match('abcd', '(a|ab)(c|bcd)(d*)');
SELECT regexp_match('abcb xyz', 'a.*?b.*'), regexp_match('aabbb', '(.*?)(b+)'), substring('foobarbar' from '(foo|foobar)(bar)?'), regexp_match('abc123', '([a-z]+?)([0-9]*)');
SELECT regexp_matches('ab12cd3', '([a-z]|[a-z]{2})([0-9]+)', 'g'), regexp_split_to_array('a--b-c', '-|--'), regexp_count('ababab', 'a|ab'), regexp_instr('xxabab', '(ab)+|a', 1, 1, 1);
SELECT to_char('NaN'::float8, '999.99'), to_char('infinity'::float8, 'FM999999.009'), to_timestamp('2024-00-00', 'YYYY-MM-DD') = '2024-01-01'::timestamptz;

-- byte by byte, whatever the collation; LIKE over bytea; names and sizes in text
SELECT 'a'::text ~<~ 'B', 'a'::text ~>=~ 'B', 'ab '::char(3) ~<=~ 'ab'::char(5), 'Z'::text ~>~ 'a';
SELECT '\x616263'::bytea LIKE '\x6125'::bytea, '\x616263'::bytea NOT LIKE '\x5f625f'::bytea, '\x6125'::bytea LIKE '\x615c25'::bytea, '\x00ff'::bytea LIKE '\x255f'::bytea;
SELECT parse_ident('Schema."Table"".x" . col$1'), parse_ident('f(1)', false), pg_size_bytes('1.5 GB'), pg_size_bytes('-1 TB'), pg_size_bytes('1e3 mb');
SELECT parse_ident('a..b');
SELECT parse_ident('a.');
SELECT parse_ident('f(1)');
-- words: the hint names no units
SELECT pg_size_bytes('1 XB');
SELECT upper('Östermalm straße ÿ'), lower('ÅÄÖ ABC ß'), initcap('östra ÅSA-lisa o''neil'), reverse('åb€c'), length('Östermalm 4711'), length('kommunstyrelsen å'), octet_length('åäö');
SELECT translate('Exempelstad å', 'aeå', 'AE'), translate('aab', 'aa', 'xy'), replace('a,b,,c', ',', ';'), replace('abc', '', 'x'), split_part('a b c', ' ', 2), split_part('a b c', ' ', -1), to_hex(-1), to_hex(255::bigint), to_hex(0), lpad('å', 4, '*'), rpad('ab', 5), btrim('  x '), ltrim('xxy', 'x');

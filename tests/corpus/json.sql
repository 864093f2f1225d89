create table c.dokument (id integer, j json, b jsonb);
insert into c.dokument values (1, '{"namn": "Åsa", "ålder": 42, "taggar": ["a", "b"], "adress": {"ort": "Umeå", "nr": 7}}', '{"namn": "Åsa", "ålder": 42, "taggar": ["a", "b"], "adress": {"ort": "Umeå", "nr": 7}}'), (2, '[1, 2.50, null, "x"]', '[1, 2.50, null, "x"]'), (3, '"text"', '"text"'), (4, 'null', 'null'), (5, null, null), (6, '{}', '{}'), (7, '{"namn": null, "b": 1, "b": 2}', '{"namn": null, "b": 1, "b": 2}');
select id, j, b from c.dokument order by id;
select '{"b":1,"a":2}'::json, '{"b":1,"a":2, "b" : 3}'::jsonb, ' [1 , 2 ] '::json, ' [1 , 2 ] '::jsonb;
select '1e2'::jsonb, '1.50'::jsonb, '-0'::jsonb, '1E-5'::jsonb, '0.0'::jsonb, '12345678901234567890'::jsonb;
select '"\u00e5\n\t\"\\"'::jsonb, '"\u00e5"'::json, '"\ud83d\ude00"'::jsonb, '"/\/"'::jsonb, '"\u0001\u001f\u007f"'::jsonb;
select '{"aa":1,"b":2,"":3}'::jsonb, '{"z":{"y":1,"x":[{"b":1,"a":2}]}}'::jsonb;
select '{"a":1'::json;
select '{a:1}'::jsonb;
select ''::json;
-- words: a detail
select '[1,]'::json;
-- words: a detail
select '{"a" 1}'::json;
select 'nul'::json;
-- words: a detail
select '"abc'::json;
select '01'::json;
select '"\u0000"'::jsonb;
-- words: a detail
select '"\ud800"'::jsonb;
-- words: a detail
select '[1 2]'::jsonb;
select 'true'::json, 'false'::jsonb, 'null'::jsonb is null;
select '{"a":{"b":[1,2,{"c":"d"}]}}'::json -> 'a' -> 'b' -> 2 -> 'c', '{"a":{"b":[1,2,{"c":"d"}]}}'::json -> 'a' -> 'b' -> 2 ->> 'c';
select '{"a":{"b":[1,2,{"c":"d"}]}}'::jsonb #> '{a,b,2}', '{"a":{"b":[1,2,{"c":"d"}]}}'::jsonb #>> '{a,b,2,c}', '{"a":[1,2]}'::json #> '{a,-1}', '{"a":[1,2]}'::json #>> array['a','0'];
select '[1,2,3]'::jsonb -> -1, '[1,2,3]'::jsonb -> 5, '[1,2,3]'::json -> 0, '{"a":null}'::jsonb -> 'a', '{"a":null}'::jsonb ->> 'a', '{"1":2}'::jsonb -> 1;
select j -> 'namn', j ->> 'namn', b -> 'ålder', b ->> 'ålder', b #>> '{adress,ort}', j #> '{taggar,1}' from c.dokument order by id;
select id, b -> 0, b ->> 3, j -> 1 from c.dokument order by id;
select id from c.dokument where b @> '{"namn": "Åsa"}' order by id;
select '{"a":1,"b":2}'::jsonb @> '{"a":1}', '{"a":1}'::jsonb <@ '{"a":1,"b":2}', '[1,2,3]'::jsonb @> '[3,1]', '[1,2]'::jsonb @> '1', '{"a":[1,2]}'::jsonb @> '{"a":[1]}', '{"a":{"b":1}}'::jsonb @> '{"a":{}}', '1'::jsonb @> '1.0';
select '{"a":1,"b":2}'::jsonb ? 'a', '["a","b"]'::jsonb ? 'b', '"a"'::jsonb ? 'a', '{"a":1}'::jsonb ?| array['x','a'], '{"a":1,"b":2}'::jsonb ?& array['a','b'], '[1]'::jsonb ? '1';
select id, b ? 'namn', b ?| array['b','x'], b ?& array['namn','b'] from c.dokument order by id;
select '{"a":1}'::jsonb || '{"b":2,"a":3}', '[1,2]'::jsonb || '[3]', '[1]'::jsonb || '2', '1'::jsonb || '2', '{"a":1}'::jsonb || '[1]', '[1]'::jsonb || '{"a":1}';
select '{"a":1}'::jsonb || '1';
select '{"a":1,"b":2}'::jsonb - 'a', '["a","b","a"]'::jsonb - 'a', '[1,2,3]'::jsonb - 1, '[1,2,3]'::jsonb - -1, '{"a":1,"b":2,"c":3}'::jsonb - array['a','c'], '[1,2]'::jsonb - 9;
select '{"a":1}'::jsonb - 1;
select '1'::jsonb - 'a';
select '{"a":{"b":1,"c":2}}'::jsonb #- '{a,b}', '[1,[2,3]]'::jsonb #- '{1,0}', '[1,2]'::jsonb #- '{-1}', '{"a":1}'::jsonb #- '{x}';
select '{"a":1,"b":[1]}'::jsonb = '{"b":[1],"a":1.0}', '1'::jsonb < '2', '"a"'::jsonb < '1', '[1,2]'::jsonb < '[3]', '{"a":1}'::jsonb > '[1]', 'null'::jsonb < '1', 'true'::jsonb > 'false', '"b"'::jsonb > '"a"';
select b from (values ('1'::jsonb), ('"a"'), ('[1]'), ('{}'), ('null'), ('true'), ('false'), ('[1,2]'), ('[]'), ('2'), ('10'), ('"b"'), ('{"a":1}'), ('{"a":2}'), ('{"b":0}')) as t(b) order by b;
select b, count(*) from (values ('1'::jsonb), ('1.0'), ('{"a":1,"b":2}'), ('{"b":2,"a":1}'), ('"x"')) as t(b) group by b order by b;
select min(b::text), max(b::text) from c.dokument where id < 4;
select distinct j -> 'a' from (select '{"a":1}'::json as j) as t;
select json_build_object('a', 1, 'b', 'x', 'c', null, 'd', true, 'e', 1.50, 'f', date '2024-01-02', 'g', array[1,2]);
select jsonb_build_object('a', 1, 'b', 'x', 'c', null, 'd', true, 'e', 1.50, 'f', timestamp '2024-01-02 03:04:05', 'g', array['x','y']);
select json_build_array(1, 'x', null, true, 1.5, json '{"a":1}', jsonb '{"a":1}'), jsonb_build_array(1, 'x', null, 2.50), json_build_array(), json_build_object(), jsonb_build_object();
-- words: a hint
select json_build_object('a');
-- words: a hint and how the error is worded
select json_build_object(null, 1);
select json_build_object(1, 2), jsonb_build_object(true, 1.5, date '2024-01-01', 'x');
select to_json('x"y'::text), to_json(1), to_json(1.50), to_json(true), to_json(array[1,null,3]), to_json(date '2024-01-02'), to_json(null::int), to_json('{"a":1}'::json);
select to_jsonb('x"y'::text), to_jsonb(1), to_jsonb(1.50), to_jsonb(true), to_jsonb(array['a',null]), to_jsonb(timestamptz '2024-01-02 03:04:05+01'), to_jsonb('NaN'::float8), to_jsonb(interval '1 day');
select to_json(row(1, 'a', null)), row_to_json(row(1, 'x', true)), to_jsonb(row(1, 2.50));
select row_to_json(k) from c.konto k order by konto;
select to_json(k), to_jsonb(k) from c.konto k order by konto;
select row_to_json(x) from (select id, datum, belopp from c.rad order by id limit 3) as x;
select row_to_json(x, true) from (select 1 as a, 'b' as b) as x;
select jsonb_set('{"a":{"b":1}}', '{a,b}', '2'), jsonb_set('{"a":1}', '{b}', '2'), jsonb_set('{"a":1}', '{b}', '2', false), jsonb_set('[1,2,3]', '{1}', '9'), jsonb_set('[1,2,3]', '{-1}', '9'), jsonb_set('[1]', '{5}', '9'), jsonb_set('{"a":{}}', '{a,b,c}', '1');
select jsonb_insert('[1,2,3]', '{1}', '9'), jsonb_insert('[1,2,3]', '{1}', '9', true), jsonb_insert('{"a":1}', '{b}', '2'), jsonb_insert('{"a":[1]}', '{a,0}', '"x"');
-- words: a hint
select jsonb_insert('{"a":1}', '{a}', '2');
select jsonb_set_lax('{"a":1}', '{a}', null), jsonb_set_lax('{"a":1}', '{a}', null, true, 'delete_key');
select json_strip_nulls('{"a":null,"b":{"c":null,"d":1},"e":[null,1]}'), jsonb_strip_nulls('{"a":null,"b":{"c":null,"d":1},"e":[null,1]}');
select json_typeof('1'), json_typeof('"a"'), json_typeof('null'), jsonb_typeof('[]'), jsonb_typeof('{}'), jsonb_typeof('true'), json_typeof(null);
select json_array_length('[1,2,[3]]'), jsonb_array_length('[]');
select json_array_length('{}');
select jsonb_array_length('1');
select * from json_each('{"a":1,"b":"x","c":null}');
select * from jsonb_each('{"b":{"x":1},"a":[1]}');
select * from json_each_text('{"a":1,"b":"x","c":null}');
select key, value from jsonb_each_text('{"a":1,"b":"x","c":null,"d":[1,2]}') order by key;
select json_each('[1]');
select json_array_elements('[1,"a",null,{"x":1}]'), json_array_elements_text('[1,"a",null,{"x":1}]');
select * from jsonb_array_elements('[1,"a",null,{"x":1}]') with ordinality, jsonb_array_elements_text('["q"]');
select jsonb_array_elements('{"a":1}');
select json_object_keys('{"b":1,"a":2,"b":3}'), jsonb_object_keys('{"b":1,"a":2,"b":3}');
select jsonb_object_keys('[1]');
select d.id, e.key, e.value from c.dokument d, jsonb_each(d.b) e where jsonb_typeof(d.b) = 'object' order by 1, 2;
select d.id, e from c.dokument d cross join lateral jsonb_array_elements(case when jsonb_typeof(d.b) = 'array' then d.b else '[]' end) e order by 1, 2;
select json_agg(id order by id), jsonb_agg(id order by id desc), json_agg(belopp order by id) from c.rad;
select json_agg(k order by konto) from c.konto k;
select json_object_agg(konto, klass order by konto), jsonb_object_agg(konto, benamning) from c.konto;
select json_agg(a), jsonb_agg(a), json_object_agg(a, a) from c.tom;
select jsonb_object_agg(null, 1);
select jsonb_pretty('{"a":[1,{"b":null}],"c":{},"d":[]}');
select json_extract_path('{"a":{"b":1}}', 'a', 'b'), json_extract_path_text('{"a":{"b":"x"}}', 'a', 'b'), jsonb_extract_path('{"a":[1,2]}', 'a', '1'), jsonb_extract_path_text('{"a":1}', 'x');
select json_object('{a,1,b,2}'), json_object('{a,b}', '{1,2}'), jsonb_object('{a,1,b,null}'), jsonb_object(array['x'], array['y']);
select json_object('{{a,1},{b,2}}');
select json_object('{a}');
select '1'::jsonb::int, '1.5'::jsonb::numeric, 'true'::jsonb::boolean, '2.7'::jsonb::int, '1e3'::jsonb::float8;
select '"1"'::jsonb::int;
select 'null'::jsonb::boolean;
select '{"a":1}'::jsonb::text, '{"a" :1}'::json::text, '{"a" :1}'::json::jsonb, '{"a":1}'::jsonb::json, '{"a" :1}'::text::json;
select '{"a":1}'::json = '{"a":1}'::json;
select jsonb_concat('[1]', '[2]'), jsonb_exists('{"a":1}', 'a'), jsonb_contains('[1]', '1');
select array_to_json(array[1,2,3]), array_to_json(array['a','b'], false);
-- differs: one scale for the numerics of a column
select j ->> 'namn' || '!', length(b ->> 'namn'), (b ->> 'ålder')::int + 1, (b -> 'adress' ->> 'nr')::numeric * 2 from c.dokument where id = 1;
select ('{"a":1,"b":[1,2]}'::jsonb)['a'], ('{"a":1,"b":[1,2]}'::jsonb)['b'][1], ('[1,2]'::jsonb)[0];
select coalesce(b, '{}') from c.dokument order by id;
-- refused: the path language of json
select jsonb_path_query('{"a":[1,2]}', '$.a[*]');
-- refused: the path language of json
select '{"a":1}'::jsonb @? '$.a', '{"a":1}'::jsonb @@ '$.a == 1';
select * from json_to_record('{"a":1,"b":"x"}') as x(a int, b text);
select * from jsonb_to_recordset('[{"a":1,"b":"x"},{"a":2}]') as x(a int, b text);
drop table c.dokument;
select * from json_to_record('{"a":5}') as t(a int[]);
select * from json_to_record('{"a":{"x":1}}') as t(a int[]);
select * from json_to_record('{"a":[1,[2]]}') as t(a int[]);
select * from json_to_record('{"a":["x",null,"NULL","a,b","q\"q","b\\s",""]}') as t(a text[]);
select * from json_to_record('{"a":["x",null,{"k":[1]},3]}') as t(a jsonb[]);
select * from json_to_record('{"a":"{1,2}"}') as t(a int[]);
select * from json_to_record('{"a":[]}') as t(a int[]);
select * from json_to_record('{"a":["x"]}') as t(a int[]);
select * from json_to_record('{"a":[[1,2],[3]]}') as t(a int[]);

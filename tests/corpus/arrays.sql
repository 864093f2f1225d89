select (array[1,2,3])[2], (array[1,2,3])[1:2], (array['a','b'])[5];
select array[1,2] || array[3], array[1,2] || 3, 0 || array[1], array['a'] || 'b'::text;
select array_length(array[1,2,3], 1), array_lower(array[1], 1), array_upper(array[1,2], 1), cardinality(array[1,2]), array_ndims(array[1]), array_length(array[]::int[], 1);
select array[1,2] = array[1,2], array[1,2] < array[1,3], array[1,2] <> array[2,1];
select array[1,2,3] @> array[2], array[2] <@ array[1,2], array[1,2] && array[2,3], array[1] && array[2];
select 2 = any(array[1,2]), 3 > all(array[1,2]), 'a' = any('{a,b}'), null = any(array[1]), 1 = any(array[null]::int[]);
select array_append(array[1], 2), array_prepend(0, array[1]), array_cat(array[1], array[2]), array_remove(array[1,2,1], 1), array_replace(array[1,2], 1, 9), array_position(array['a','b'], 'b'), array_positions(array[1,2,1], 1);
select unnest(array[1,null,3]);
select * from unnest(array[1,2], array['a','b','c']) as t(x, y);
select generate_subscripts(array['a','b','c'], 1);
select array_to_string(array['a','b'], ''), string_to_array('1,2', ',')::int[];
select array[1,2]::text, '{1,2}'::int[] = array[1,2], array[1.5,2.5]::int[];
select array[1,'a'];
select array[]::int[] = '{}', array[null::int];
select array[date '2024-01-01', null], array[true,false], array['å "q" \ x', ''];
-- refused: array_fill
select trim_array(array[1,2,3], 1), array_fill(0, array[3]);
select konto = any(array['3011','5011']) from c.rad order by id;
select array_agg(forvaltning order by forvaltning) from (select distinct forvaltning from c.rad) x;

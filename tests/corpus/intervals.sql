select interval '1 year 2 months 3 days 04:05:06.789', interval '1-2', interval '1-2 3 4:05:06', interval '3 4:05:06', interval '-1-2', interval '-1-2 +3 -4:05:06', interval '1 day -2 hours';
select interval 'P1Y2M3DT4H5M6S', interval 'P0001-02-03T04:05:06', interval 'P1W', interval 'PT0.5S', interval 'P-1Y', interval 'P1Y-2M', interval 'PT1.5H', interval 'P0.5Y';
select interval '1 yr 2 mons', interval '5 minutes 10 secs', interval '@ 1 hour ago', interval '1.5 months', interval '0.5 years', interval '1.1 weeks', interval '2 decades', interval '1 century', interval '1 millennium';
select interval '10', interval '1:30', interval '1:30:15.5', interval '-1:30', interval '90 minutes', interval '100 hours', interval '1e3 seconds', interval '.5 days';
select interval '1' year, interval '2' month, interval '3' day, interval '4' hour, interval '5' minute, interval '6.789' second;
select interval '1-2' year to month, interval '3 04' day to hour, interval '3 04:05' day to minute, interval '3 04:05:06' day to second, interval '04:05' hour to minute, interval '04:05:06' hour to second, interval '05:06' minute to second;
select interval '1 year 2 months 3 days 04:05:06.789' year, interval '1 year 2 months 3 days 04:05:06' month, interval '3 days 04:05:06' day, interval '3 days 04:05:06' hour, interval '04:05:06' minute, interval '1 year 5 days' year to month;
-- differs: an interval's fields are no modifier of it
select '1 day 2 hours'::interval day, '1 2:03:04'::interval day to hour, '12:34:56.789'::interval second(1), interval(2) '1.23456 seconds', '1.23456 sec'::interval(3), interval '1.999' second(0);
-- differs: an interval's fields are no modifier of it
select cast('3 days 10:00' as interval hour), interval '10' day to second;
select interval '1 dat';
select interval '';
select interval '1 year 2 years x';
select interval '999999999999 years';
select interval '2147483648 days';
select interval '1-13';
select interval '00:61:00';
select interval '1 day' = interval '24 hours', interval '1 month' = interval '30 days', interval '1 year' > interval '364 days', interval '0' = interval '-0 days', interval '1 day' <> interval '86400 seconds';
select i from (values (interval '1 month'), ('29 days'), ('31 days'), ('719 hours'), ('-1 day'), ('0'), (null)) v(i) order by i;
select min(i), max(i), sum(i), avg(i), count(distinct i) from (values (interval '1 month'), ('30 days'), ('31 days'), ('-1 day')) v(i);
select interval '1 day' + interval '2 hours', interval '1 month' - interval '1 day', -interval '1 month 2 days', interval '1 day' * 1.5, interval '1 month' * 0.5, 3 * interval '1:30', interval '1 year' / 5, interval '1 hour' / 7, interval '10 days' * -1;
select interval '1 day' / 0;
select interval '1 mon 1 day' * 2.5, interval '1 year 1 mon 1 day 1:00' / 3, interval '1 mon' / 2, interval '1 day' * 'NaN'::float8;
select date '2024-01-31' + interval '1 month', date '2024-03-31' - interval '1 month', date '2024-02-29' + interval '1 year', timestamp '2024-01-31 23:00' + interval '1 month 2 hours', date '2024-01-01' + interval '36 hours';
select extract(year from interval '14 months'), extract(month from interval '14 months'), extract(day from interval '40 days'), extract(hour from interval '50 hours'), extract(minute from interval '90 minutes'), extract(second from interval '90.5 seconds'), extract(epoch from interval '1 year 1 mon 1 day 1 sec');
select extract(millennium from interval '2500 years'), extract(century from interval '2500 years'), extract(decade from interval '25 years'), extract(quarter from interval '7 months'), extract(milliseconds from interval '1.5 sec'), extract(microseconds from interval '1.5 sec');
select extract(dow from interval '1 day');
select justify_days(interval '65 days'), justify_hours(interval '50 hours 10 minutes'), justify_interval(interval '1 mon -1 hour'), justify_interval(interval '-35 days 25 hours');
select date_trunc('hour', interval '3 days 04:05:06'), date_trunc('day', interval '3 days 04:05:06'), date_trunc('month', interval '14 mons 3 days'), date_trunc('year', interval '14 mons'), date_trunc('quarter', interval '14 mons');
select make_interval(), make_interval(1, 2, 3, 4, 5, 6, 7.5), make_interval(days => 10), make_interval(secs => 90.25), make_interval(weeks => 2, hours => -5);
select interval '1 day'::text, (interval '1 year -2 days')::text || '!', length(interval '1 day'::text), '1 day'::text::interval, interval '26:03'::time, time '04:05'::interval;
select to_char(interval '3 days 04:05:06', 'DD HH24:MI:SS'), to_char(interval '15 months', 'YY MM'), to_char(interval '100 hours', 'HH24:MI');
select interval '-1 day +02:00', interval '-1 day -02:00', interval '1 mon -1 day', interval '-1 mon 1 day 1:00', interval '00:00:00.000001', interval '-00:00:01.5', interval '178000000 years', interval '-178000000 years';
select isfinite(interval '1 day'), interval '1 day' is null, interval '5 min' between interval '1 min' and interval '10 min', interval '1 hour' in ('60 minutes', '2 hours'), greatest(interval '1 day', '25 hours');
select array[interval '1 day', null], row(interval '1 mon'), to_json(interval '1 day 2:03');
set intervalstyle = 'postgres_verbose';
show intervalstyle;
select interval '1 year 2 months 3 days 04:05:06.789', interval '-1 day +02:00', interval '0', interval '-1 year', interval '1 hour', interval '-00:00:01.5', interval '1 mon -1 day', interval '1 day -1 sec', interval '@ 1 year 2 mons ago';
select interval '1 day'::text, array[interval '1 day 1:00'], interval '-1-2', to_json(interval '1 day');
set intervalstyle = 'sql_standard';
select interval '1 year 2 months 3 days 04:05:06.789', interval '-1 day +02:00', interval '0', interval '-1 year', interval '1 hour', interval '-00:00:01.5', interval '1 mon -1 day', interval '3 days', interval '1 year 2 mons', interval '3 days 4:05:06', interval '-1 year -2 mons', interval '1 year -3 days';
select interval '-1 2:03:04', interval '-1-2 3 4:05:06', interval '-1 day 2 hours', interval '-1 year 2 mons', interval '1 day'::text, interval '-1-2', interval '-1 -2:03';
set intervalstyle = 'iso_8601';
select interval '1 year 2 months 3 days 04:05:06.789', interval '-1 day +02:00', interval '0', interval '-1 year', interval '1 hour', interval '-00:00:01.5', interval '1 mon -1 day', interval '1.5 sec', interval '100 hours';
select interval '1 day'::text, array[interval '1 mon', interval '1:00'], row(interval '1 day'), 'P1Y'::interval, '-1-2'::interval;
-- words: a hint and how the error is worded
set intervalstyle = 'nonsense';
set intervalstyle = 'postgres';
select interval '1 year 2 months';
set datestyle = 'SQL, DMY';
show datestyle;
select date '1/2/2024', date '2024-02-01', timestamp '1/2/2024 10:11:12.5', timestamptz '1/2/2024 10:00+01', date '13/12/2024', time '10:00', timestamp '0044-03-15 BC', date '31.12.99';
-- words: a hint
select date '12/13/2024';
select date '2024-02-01'::text, array[date '2024-02-01', null], array[timestamp '2024-02-01 10:00'], row(date '2024-02-01'), '1/2/2024'::text::date, interval '1 day 1:00';
select datum, andrad, zon, datum::text from c.rad order by id;
set datestyle = 'SQL, MDY';
-- words: a hint
select date '1/2/2024', timestamp '1/2/2024 10:11:12.5', timestamptz '1/2/2024 10:00+01', date '2024-02-01', date '99-01-02';
set datestyle = 'German';
show datestyle;
select date '1.2.2024', date '2024-02-01', timestamp '1.2.2024 10:11:12.5', timestamptz '1.7.2024 10:00+02', date '0044-03-15 BC', timestamp '2024-02-01';
set datestyle = 'Postgres, DMY';
select date '1/2/2024', date '2024-02-01', timestamp '1/2/2024 10:11:12.5', timestamptz '1/7/2024 10:00+02', timestamp '2024-02-01', date '0044-03-15 BC', timestamp '0044-03-15 10:00 BC', date '1-2-2024';
set datestyle = 'Postgres, MDY';
select date '1/2/2024', date '2024-02-01', timestamp '1/2/2024 10:11:12.5', timestamptz '7/1/2024 10:00+02', array[timestamp '2024-02-01 10:00'], timestamp '2024-02-01 10:00'::text;
set datestyle = 'ISO, YMD';
-- words: a hint
select date '24-01-02', date '99/12/31', date '2024-1-2', date '1/2/2024';
set datestyle = 'ISO, DMY';
select date '1/2/2024', date '01-02-03', timestamp '1/2/2024 10:00', date '1-Feb-2024', date 'Feb 1 2024';
set datestyle = 'DMY';
show datestyle;
set datestyle = 'ISO';
show datestyle;
-- words: a detail
set datestyle = 'nonsense';
set datestyle to default;
show datestyle;
set datestyle = 'ISO, MDY';
-- words: a hint
select date '1/2/2024', date '13/2/2024';
select interval '1 month - 1 day', interval '2 hours + 3 minutes', interval '- 1 year';
select interval '1.5678' second(2), interval '05:06' minute to second, interval '-1 02:03:04' day to second(0);

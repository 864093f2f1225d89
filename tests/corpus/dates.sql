select date '2024-01-31' + 1, date '2024-03-01' - 1, date '2024-03-01' - date '2024-02-01';
select date '2024-01-31' + interval '1 month', timestamp '2024-01-31 10:00' + interval '1 month', timestamp '2024-03-31' - interval '1 month';
select timestamp '2024-03-01 12:00' - timestamp '2024-02-28 10:30', timestamp '2024-01-01' - timestamp '2024-01-02 01:00';
select timestamptz '2024-03-31 01:30+01' + interval '1 hour', timestamptz '2024-03-30 12:00+01' + interval '1 day';
select date '2024-01-01' + time '10:00', time '10:00' + interval '2 hours', time '23:00' + interval '2 hours', time '10:00' - time '09:30';
select interval '1 day' * 2, interval '3 hours' / 2, interval '1 month' + interval '1 day', -interval '1 day', interval '1 day' - interval '1 hour', 2 * interval '1 month';
select interval '1 year 2 months 3 days 04:05:06.7', interval '-1 day', interval '90 minutes', interval 'P1Y2M3DT4H5M6S', interval '1.5 days', interval '2 weeks', interval '1 day ago';
select interval '1 day' = interval '24 hours', interval '1 month' = interval '30 days', interval '1 day' < interval '25 hours';
select extract(year from date '2024-02-29'), extract(month from date '2024-02-29'), extract(day from date '2024-02-29'), extract(dow from date '2024-02-29'), extract(isodow from date '2024-02-25'), extract(doy from date '2024-02-29'), extract(week from date '2024-12-30'), extract(isoyear from date '2024-12-30'), extract(quarter from date '2024-05-01');
select extract(hour from timestamp '2024-02-29 12:34:56.789'), extract(minute from timestamp '2024-02-29 12:34:56.789'), extract(second from timestamp '2024-02-29 12:34:56.789'), extract(milliseconds from timestamp '2024-02-29 12:34:56.789'), extract(epoch from timestamp '2024-02-29 12:34:56.789');
select extract(epoch from interval '1 day 1 second'), extract(day from interval '40 days'), extract(hour from time '10:20'), extract(century from date '2024-01-01'), extract(decade from date '2024-01-01');
select date_part('year', date '2024-02-29'), date_part('epoch', timestamptz '2024-01-01 00:00:00+00');
select extract(fortnight from date '2024-01-01');
select date_trunc('month', timestamp '2024-02-29 12:34:56'), date_trunc('year', date '2024-02-29'), date_trunc('week', timestamp '2024-02-29 12:34:56'), date_trunc('quarter', timestamp '2024-05-29'), date_trunc('hour', timestamptz '2024-02-29 12:34:56+01'), date_trunc('day', timestamptz '2024-02-29 23:34:56+00');
select age(timestamp '2024-03-01', timestamp '2023-01-31'), age(date '2024-03-01', date '2024-02-01');
select make_date(2024, 2, 29), make_time(1, 2, 3.5), make_timestamp(2024, 2, 29, 1, 2, 3.5), make_interval(years := 1, days => 2);
select make_date(2023, 2, 29);
select to_char(date '2024-02-09', 'YYYY-MM-DD'), to_char(timestamp '2024-02-09 14:05:06.789', 'YYYY-MM-DD HH24:MI:SS.MS'), to_char(timestamp '2024-02-09 14:05:06', 'HH12:MI AM'), to_char(date '2024-02-09', 'Day, DD Month YYYY'), to_char(date '2024-02-09', 'FMDay, FMDD FMMonth YYYY'), to_char(date '2024-02-09', 'DY MON YY Q WW IW IYYY D ID DDD J');
select to_date('2024-02-09', 'YYYY-MM-DD'), to_date('09.02.24', 'DD.MM.YY'), to_timestamp('2024-02-09 10:11:12', 'YYYY-MM-DD HH24:MI:SS'), to_timestamp(0), to_timestamp(1700000000.5);
select '2024-02-30'::date;
select 'hello'::date;
select '24:00:01'::time;
-- words: no hint about the date style
select '2024-13-01'::timestamp;
select '20240229'::date, '2024-2-9'::date, 'Feb 9, 2024'::date, '9 feb 2024'::date, '2024.060'::date;
select '2024-02-09T10:11:12'::timestamp, '2024-02-09 10:11:12Z'::timestamptz, '2024-02-09 10:11:12 Europe/Stockholm'::timestamptz, '2024-02-09 10:11'::timestamp;
select timestamp '2024-07-01 12:00' at time zone 'Europe/Stockholm', timestamptz '2024-07-01 12:00+00' at time zone 'America/New_York', timestamptz '2024-01-01 12:00+00' at time zone 'UTC';
select timestamptz '2024-07-01 12:00+00', timestamptz '2024-01-01 12:00+00', timestamptz '2024-10-27 00:30+00', timestamptz '2024-10-27 01:30+00';
select timestamp '2024-01-01 10:00'::date, timestamptz '2024-01-01 23:30+00'::date, date '2024-01-01'::timestamp, date '2024-07-01'::timestamptz, timestamp '2024-01-01 10:11:12'::time, timestamptz '2024-07-01 10:00+00'::timestamp;
select date '2024-01-01' < timestamp '2024-01-01 00:00:01', date '2024-01-01' = timestamptz '2024-01-01 00:00+01', timestamp '2024-01-01' < timestamptz '2024-01-01 00:00+00';
select date '0044-03-15 BC', date '9999-12-31', timestamp '0001-01-01 BC';
-- refused: infinite dates
select date 'infinity';
select justify_days(interval '35 days'), justify_hours(interval '30 hours'), justify_interval(interval '1 month -1 hour');
-- refused: OVERLAPS
select (date '2024-01-01', date '2024-02-01') overlaps (date '2024-01-15', date '2024-03-01');
select isfinite(date '2024-01-01'), date_bin('15 minutes', timestamp '2024-01-01 10:22', timestamp '2024-01-01');
-- refused: time with time zone, and current_time with it
select timestamp(0) '2024-01-01 10:00:00.6', '2024-01-01 10:00:00.123456'::timestamp(3), localtimestamp is not null, current_time is not null;
select datum, datum + 30, datum - interval '1 year', extract(year from datum) from c.rad order by id;
select date_trunc('month', datum), to_char(datum, 'YYYYMM') from c.rad order by id;
select andrad, andrad::date, andrad::time, extract(epoch from andrad) from c.rad order by id;
select zon, zon at time zone 'UTC', zon::date, date_trunc('day', zon) from c.rad order by id;
select datum from c.rad where datum between '2024-01-01' and '2024-02-29' order by datum;
select datum from c.rad where andrad >= '2024-02-25' and andrad < timestamp '2025-01-01' order by andrad desc;
select max(datum) - min(datum), min(zon), max(andrad) from c.rad;
select datum - '2024-01-01' from c.rad order by id;
select extract(year from datum)::int * 100 + extract(month from datum)::int = period from c.rad order by id;

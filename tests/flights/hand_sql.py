"""Hand-written DuckDB queries for metrics of `fixtures/flights`: the numbers found by another route.

Each query reads `flights.parquet`, `planes.csv` and `airlines.csv` and nothing else, and returns `record`, `day`,
`value` for every row of its grid: all 16 airlines, or a sample of 73 planes (the step `sample`), on each of the 365
days of 2013.

A window of days is a join of a grid row with the raw rows of its days (`day BETWEEN d - 6 AND d`), the day a week
before a self join, the last event an `ASOF` join or a correlated subquery. There is no window function over a dense
grid anywhere, so a mistake in one way of counting is not repeated in the other.

`{data}` stands for the data folder: `HAND_SQL[metric].format(data=folder)`.
"""

from __future__ import annotations

# What every query may use. A step a query does not name costs nothing.
STEPS = """
WITH flights AS (               -- every row of the file, `day` as a date
    SELECT * REPLACE (make_date(year, month, day) AS day)
    FROM '{data}/flights.parquet'
), airlines AS (
    SELECT * FROM read_csv('{data}/airlines.csv')
), planes AS (
    SELECT * FROM read_csv('{data}/planes.csv')
), days AS (
    SELECT DATE '2013-01-01' + range::INTEGER AS day FROM range(365)
), airline_days AS (            -- the grid of the airlines
    SELECT carrier AS record, day FROM airlines, days
), sample AS (                  -- 73 planes
    SELECT * FROM planes
    WHERE tailnum IN (SELECT tailnum FROM planes QUALIFY row_number() OVER (ORDER BY tailnum) % 50 = 1)
       OR tailnum IN ('N153PQ', 'N981AT', 'N994AT',     -- flown by two airlines
                      'N380HA', 'N377AA', 'N355NB')     -- the widest body, one without a year, one of the busiest
), plane_days AS (              -- the grid of the sample
    SELECT tailnum AS record, day FROM sample, days
), left_ny AS (                 -- flights that left: once for the airline that flew,
    SELECT carrier AS record, day -- and once for the airline the plane belongs to, where that is another
    FROM flights
    WHERE dep_time IS NOT NULL
    UNION ALL
    SELECT planes.carrier, flights.day
    FROM flights JOIN planes USING (tailnum)
    WHERE flights.dep_time IS NOT NULL AND planes.carrier <> flights.carrier
), fleet_flights AS (           -- flights that left with a known plane, for the airline the plane belongs to
    SELECT planes.carrier AS record, tailnum, seats, manufacturer, flights.day
    FROM flights JOIN planes USING (tailnum)
    WHERE flights.dep_time IS NOT NULL
)"""

QUERIES: dict[str, str] = {}

# ---------------------------------------------------------------------------------------------------------- airlines

# SUM of an activity: count the raw rows of the seven days. No row at all is NULL, not 0.
QUERIES["flights_7d"] = """
SELECT g.record, g.day, nullif(count(f.day), 0)::DOUBLE AS value
FROM airline_days g LEFT JOIN left_ny f ON f.record = g.record AND f.day BETWEEN g.day - 6 AND g.day
GROUP BY g.record, g.day
"""

# totalSum: everything up to the day, by a correlated subquery.
QUERIES["flights_total"] = """, daily AS (
    SELECT record, day, count(*) AS flights FROM left_ny GROUP BY ALL
)
SELECT g.record, g.day,
       (SELECT sum(d.flights) FROM daily d WHERE d.record = g.record AND d.day <= g.day)::DOUBLE AS value
FROM airline_days g
"""

# TREND as a ratio: today's count over the count of exactly seven days before; either one missing gives NULL.
QUERIES["flights_vs_last_week"] = """, daily AS (
    SELECT record, day, count(*) AS flights FROM left_ny GROUP BY ALL
)
SELECT g.record, g.day, now.flights / before.flights AS value
FROM airline_days g
LEFT JOIN daily now ON now.record = g.record AND now.day = g.day
LEFT JOIN daily before ON before.record = g.record AND before.day = g.day - 7
"""

# TREND as a difference, of the planned flights.
QUERIES["schedule_change_7d"] = """, daily AS (
    SELECT carrier AS record, day, count(*) AS flights FROM flights GROUP BY ALL
)
SELECT g.record, g.day, (now.flights - before.flights)::DOUBLE AS value
FROM airline_days g
LEFT JOIN daily now ON now.record = g.record AND now.day = g.day
LEFT JOIN daily before ON before.record = g.record AND before.day = g.day - 7
"""

# LENGTH: the distinct days with a flight; none is 0, never NULL.
QUERIES["flying_days_30d"] = """
SELECT g.record, g.day, count(DISTINCT f.day)::DOUBLE AS value
FROM airline_days g LEFT JOIN left_ny f ON f.record = g.record AND f.day BETWEEN g.day - 29 AND g.day
GROUP BY g.record, g.day
"""

# IF … equal to: no day before had more flights. A day without flights compares with NULL: not satisfied, 0.
QUERIES["is_busiest_day"] = """, daily AS (
    SELECT record, day, count(*) AS flights FROM left_ny GROUP BY ALL
)
SELECT g.record, g.day,
       CASE WHEN today.flights IS NULL THEN 0
            WHEN EXISTS (FROM daily d WHERE d.record = g.record AND d.day < g.day AND d.flights > today.flights) THEN 0
            ELSE 1 END::DOUBLE AS value
FROM airline_days g LEFT JOIN daily today ON today.record = g.record AND today.day = g.day
"""

# Two windows over calculated and raw numbers make a standard deviation: ask for it by its own name.
QUERIES["flights_unevenness_30d"] = """, daily AS (
    SELECT record, day, count(*) AS flights FROM left_ny GROUP BY ALL
)
SELECT g.record, g.day, stddev_pop(d.flights) AS value
FROM airline_days g LEFT JOIN daily d ON d.record = g.record AND d.day BETWEEN g.day - 29 AND g.day
GROUP BY g.record, g.day
"""

# `where` over a field: outside it NULL.
QUERIES["network_flights_30d"] = """
SELECT g.record, g.day,
       CASE WHEN g.record IN ('AA', 'DL', 'UA', 'US') THEN nullif(count(f.day), 0) END::DOUBLE AS value
FROM airline_days g LEFT JOIN left_ny f ON f.record = g.record AND f.day BETWEEN g.day - 29 AND g.day
GROUP BY g.record, g.day
"""

# totalSum of a custom metric that is summed within the day: the miles of the flights that arrived.
QUERIES["distance_total"] = """, daily AS (
    SELECT carrier AS record, day, sum(distance) AS miles FROM flights WHERE air_time IS NOT NULL GROUP BY ALL
)
SELECT g.record, g.day, sum(d.miles)::DOUBLE AS value
FROM airline_days g LEFT JOIN daily d ON d.record = g.record AND d.day <= g.day
GROUP BY g.record, g.day
"""

# 30 days against the 30 before them. The formula takes SUM over 60 minus SUM over 30; here it is days 30 to 59 back.
# Until a first flight lies that far back the difference is 0, and a division by it NULL.
QUERIES["distance_growth_30d"] = """
SELECT g.record, g.day,
       100 * (sum(f.distance) FILTER (f.day > g.day - 30)
              / nullif(sum(f.distance) FILTER (f.day <= g.day - 30), 0) - 1) AS value
FROM airline_days g
LEFT JOIN flights f ON f.carrier = g.record AND f.air_time IS NOT NULL AND f.day BETWEEN g.day - 59 AND g.day
GROUP BY g.record, g.day
"""

# A series of a namespace of the project's own, collapsed by min and max; the averages run over the days with flights.
QUERIES["operating_day_30d"] = """, daily AS (
    SELECT carrier AS record, day, min(sched_dep_time // 100 * 60 + sched_dep_time % 100) AS first,
           max(sched_dep_time // 100 * 60 + sched_dep_time % 100) AS last
    FROM flights
    GROUP BY ALL
)
SELECT g.record, g.day, avg(d.last - d.first) / 60 AS value
FROM airline_days g LEFT JOIN daily d ON d.record = g.record AND d.day BETWEEN g.day - 29 AND g.day
GROUP BY g.record, g.day
"""

# A share of two counts. No cancellation is a share of 0; no planned flight no share.
QUERIES["cancellation_share_30d"] = """
SELECT g.record, g.day,
       100 * count(*) FILTER (f.day IS NOT NULL AND f.dep_time IS NULL) / nullif(count(f.day), 0) AS value
FROM airline_days g LEFT JOIN flights f ON f.carrier = g.record AND f.day BETWEEN g.day - 29 AND g.day
GROUP BY g.record, g.day
"""

# daysSince: the newest cancellation up to the day, by ASOF join.
QUERIES["days_since_cancellation"] = """, cancelled AS (
    SELECT DISTINCT carrier AS record, day FROM flights WHERE dep_time IS NULL
)
SELECT g.record, g.day, (g.day - c.day)::DOUBLE AS value
FROM airline_days g ASOF LEFT JOIN cancelled c ON c.record = g.record AND c.day <= g.day
"""

# A cancelled or diverted flight has no arrival delay: planned, and not on time.
QUERIES["on_time_rate_30d"] = """
SELECT g.record, g.day, 100 * count(*) FILTER (f.arr_delay < 15) / nullif(count(f.day), 0) AS value
FROM airline_days g LEFT JOIN flights f ON f.carrier = g.record AND f.day BETWEEN g.day - 29 AND g.day
GROUP BY g.record, g.day
"""

# TREND over a calculated metric: the week's rate over the rate of a week ago. Before New Year there is no rate.
QUERIES["on_time_rate_trend"] = """, rate AS (
    SELECT g.record, g.day, count(*) FILTER (f.arr_delay < 15) / nullif(count(f.day), 0) AS rate
    FROM airline_days g LEFT JOIN flights f ON f.carrier = g.record AND f.day BETWEEN g.day - 6 AND g.day
    GROUP BY ALL
)
SELECT now.record, now.day, now.rate / nullif(before.rate, 0) AS value
FROM rate now LEFT JOIN rate before ON before.record = now.record AND before.day = now.day - 7
"""

# A window over a flag: the days of the window on which fewer than 60 % came on time.
# A day without flights is not a bad one but counts as a day, so the sum is never NULL.
QUERIES["bad_days_30d"] = """, bad AS (
    SELECT carrier AS record, day
    FROM flights
    GROUP BY ALL
    HAVING 10 * count(*) FILTER (arr_delay < 15) < 6 * count(*)
)
SELECT g.record, g.day,
       (SELECT count(*) FROM bad b
        WHERE b.record = g.record AND b.day BETWEEN g.day - 29 AND g.day)::DOUBLE AS value
FROM airline_days g
"""

# AVERAGE over days of a number that is itself the average of the day's flights.
QUERIES["average_delay_7d"] = """, daily AS (
    SELECT carrier AS record, day, avg(arr_delay) AS delay FROM flights WHERE air_time IS NOT NULL GROUP BY ALL
)
SELECT g.record, g.day, avg(d.delay) AS value
FROM airline_days g LEFT JOIN daily d ON d.record = g.record AND d.day BETWEEN g.day - 6 AND g.day
GROUP BY g.record, g.day
"""

# Nested three deep: two averages, their difference to four decimals, its sign.
QUERIES["delay_direction"] = """, daily AS (
    SELECT carrier AS record, day, avg(arr_delay) AS delay FROM flights WHERE air_time IS NOT NULL GROUP BY ALL
), month AS (
    SELECT g.record, g.day, avg(d.delay) AS delay, avg(d.delay) FILTER (d.day > g.day - 7) AS week
    FROM airline_days g LEFT JOIN daily d ON d.record = g.record AND d.day BETWEEN g.day - 29 AND g.day
    GROUP BY ALL
)
SELECT record, day, sign(round(week - delay, 4))::DOUBLE AS value
FROM month
"""

# Collapse `max` and MAX are one maximum of the raw rows.
QUERIES["worst_delay_30d"] = """
SELECT g.record, g.day, max(f.arr_delay)::DOUBLE AS value
FROM airline_days g
LEFT JOIN flights f ON f.carrier = g.record AND f.air_time IS NOT NULL AND f.day BETWEEN g.day - 29 AND g.day
GROUP BY g.record, g.day
"""

# `zeros: missing` before the collapse: the average of a day is that of its late flights only.
QUERIES["lateness_when_late_30d"] = """, daily AS (
    SELECT carrier AS record, day, avg(arr_delay) AS delay
    FROM flights
    WHERE arr_delay > 0 AND air_time IS NOT NULL
    GROUP BY ALL
)
SELECT g.record, g.day, avg(d.delay) AS value
FROM airline_days g LEFT JOIN daily d ON d.record = g.record AND d.day BETWEEN g.day - 29 AND g.day
GROUP BY g.record, g.day
"""

# Arithmetic on two calculated metrics, guarded by IF has value, with a floor of 0.
QUERIES["reliability_score"] = """, month AS (
    SELECT g.record, g.day, count(f.day) AS planned, count(*) FILTER (f.arr_delay < 15) AS on_time,
           count(*) FILTER (f.day IS NOT NULL AND f.dep_time IS NULL) AS cancelled
    FROM airline_days g LEFT JOIN flights f ON f.carrier = g.record AND f.day BETWEEN g.day - 29 AND g.day
    GROUP BY ALL
)
SELECT record, day, CASE WHEN planned > 0 THEN greatest(0, 100 * (on_time - 2 * cancelled) / planned) END AS value
FROM month
"""

# ------------------------------------------------------------------------------- airlines, from the planes they own

# A 0/1 metric of the planes summed for the airline: its distinct planes of the day, 0 on a day without.
QUERIES["planes_active"] = """
SELECT g.record, g.day, count(DISTINCT f.tailnum)::DOUBLE AS value
FROM airline_days g LEFT JOIN fleet_flights f ON f.record = g.record AND f.day = g.day
GROUP BY g.record, g.day
"""

# Nested, child and field: pairs of plane and day in the window, over the days of the year in it, over the fleet.
QUERIES["fleet_active_share_30d"] = """, flown AS (
    SELECT DISTINCT record, tailnum, day FROM fleet_flights
)
SELECT g.record, g.day,
       100 * count(f.day) / least(30, g.day - DATE '2012-12-31')
       / (SELECT count(*) FROM planes p WHERE p.carrier = g.record) AS value
FROM airline_days g LEFT JOIN flown f ON f.record = g.record AND f.day BETWEEN g.day - 29 AND g.day
GROUP BY g.record, g.day
"""

# Planes that have flown, but not in the last 15 days (today and 14 before it).
QUERIES["planes_parked"] = """, flown AS (
    SELECT DISTINCT record, tailnum, day FROM fleet_flights
), pauses AS (                  -- from a day of flight to the next one of the same plane
    SELECT a.record, a.tailnum, a.day AS since, min(b.day) AS until
    FROM flown a LEFT JOIN flown b ON b.tailnum = a.tailnum AND b.day > a.day
    GROUP BY ALL
)
SELECT g.record, g.day, count(p.tailnum)::DOUBLE AS value
FROM airline_days g
LEFT JOIN pauses p ON p.record = g.record AND g.day > p.since + 14 AND g.day < coalesce(p.until, DATE '2014-01-01')
GROUP BY g.record, g.day
"""

# A window over a child metric that multiplies events by a field: the seats of every single departure.
QUERIES["seats_flown_7d"] = """
SELECT g.record, g.day, sum(f.seats)::DOUBLE AS value
FROM airline_days g LEFT JOIN fleet_flights f ON f.record = g.record AND f.day BETWEEN g.day - 6 AND g.day
GROUP BY g.record, g.day
"""

# totalSum of a child metric over a field of the airline.
QUERIES["fleet_turns_total"] = """, daily AS (
    SELECT record, day, sum(seats) AS seats FROM fleet_flights GROUP BY ALL
)
SELECT g.record, g.day, sum(d.seats) / (SELECT sum(p.seats) FROM planes p WHERE p.carrier = g.record) AS value
FROM airline_days g LEFT JOIN daily d ON d.record = g.record AND d.day <= g.day
GROUP BY g.record, g.day
"""

# A text field in the child metric: Boeing's departures among all departures of the fleet.
QUERIES["boeing_share_30d"] = """
SELECT g.record, g.day, 100 * count(*) FILTER (f.manufacturer = 'BOEING') / nullif(count(f.day), 0) AS value
FROM airline_days g LEFT JOIN fleet_flights f ON f.record = g.record AND f.day BETWEEN g.day - 29 AND g.day
GROUP BY g.record, g.day
"""

# Two child metrics of a field: the mean age of the planes whose year is known.
QUERIES["fleet_age"] = """
SELECT g.record, g.day, 2013 - (SELECT avg(p.year) FROM planes p WHERE p.carrier = g.record) AS value
FROM airline_days g
"""

# ------------------------------------------------------------------------------------------------- planes (sample)

# daysSince by ASOF join; NULL before the first flight.
QUERIES["plane_days_since_flight"] = """, flown AS (
    SELECT DISTINCT tailnum, day FROM fleet_flights
)
SELECT g.record, g.day, (g.day - f.day)::DOUBLE AS value
FROM plane_days g ASOF LEFT JOIN flown f ON f.tailnum = g.record AND f.day <= g.day
"""

# `missing: zero`: a week without a flight is a use of 0.
QUERIES["plane_utilization_7d"] = """
SELECT g.record, g.day, 100 * coalesce(sum(f.air_time), 0) / (7 * 24 * 60) AS value
FROM plane_days g LEFT JOIN flights f ON f.tailnum = g.record AND f.day BETWEEN g.day - 6 AND g.day
GROUP BY g.record, g.day
"""

# A window over a calculated metric with `missing: zero`: the minutes of a week over those of the best week that ends
# within 90 days. Before the first flight it is 0 / 0, NULL.
QUERIES["plane_use_vs_peak"] = """, week AS (
    SELECT g.record, g.day, coalesce(sum(f.air_time), 0) AS minutes
    FROM plane_days g LEFT JOIN flights f ON f.tailnum = g.record AND f.day BETWEEN g.day - 6 AND g.day
    GROUP BY ALL
)
SELECT now.record, now.day, 100 * now.minutes / nullif(max(w.minutes), 0) AS value
FROM week now JOIN week w ON w.record = now.record AND w.day BETWEEN now.day - 89 AND now.day
GROUP BY now.record, now.day, now.minutes
"""

# TREND as a change.
QUERIES["plane_air_time_change_7d"] = """, daily AS (
    SELECT tailnum, day, sum(air_time) AS minutes FROM flights WHERE air_time IS NOT NULL GROUP BY ALL
)
SELECT g.record, g.day, (now.minutes - before.minutes) / before.minutes AS value
FROM plane_days g
LEFT JOIN daily now ON now.tailnum = g.record AND now.day = g.day
LEFT JOIN daily before ON before.tailnum = g.record AND before.day = g.day - 7
"""

# totalSum of the miles of a plane, whichever airline flew it.
QUERIES["plane_distance_total"] = """
SELECT g.record, g.day, sum(f.distance)::DOUBLE AS value
FROM plane_days g LEFT JOIN flights f ON f.tailnum = g.record AND f.air_time IS NOT NULL AND f.day <= g.day
GROUP BY g.record, g.day
"""

# AVERAGE runs over the days with a flight, not over 30.
QUERIES["plane_flights_per_flying_day_30d"] = """
SELECT g.record, g.day, count(f.day) / nullif(count(DISTINCT f.day), 0) AS value
FROM plane_days g LEFT JOIN fleet_flights f ON f.tailnum = g.record AND f.day BETWEEN g.day - 29 AND g.day
GROUP BY g.record, g.day
"""

# Late arrivals among the flights that left; a flight that never arrived counts as one that left.
QUERIES["plane_late_share_30d"] = """
SELECT g.record, g.day, 100 * count(*) FILTER (f.arr_delay >= 15) / nullif(count(f.day), 0) AS value
FROM plane_days g
LEFT JOIN flights f ON f.tailnum = g.record AND f.dep_time IS NOT NULL AND f.day BETWEEN g.day - 29 AND g.day
GROUP BY g.record, g.day
"""

# Collapse `last` and LAST: the flight that left last within 30 days. Its day is the one on which it left, which after a
# delay past midnight is not the planned one.
QUERIES["plane_last_delay"] = """, departures AS (
    SELECT tailnum, arr_delay,
           day + to_minutes((sched_dep_time // 100 * 60 + sched_dep_time % 100 + dep_delay)::BIGINT) AS departure
    FROM flights
    WHERE air_time IS NOT NULL
)
SELECT g.record, g.day, arg_max(f.arr_delay, f.departure)::DOUBLE AS value
FROM plane_days g
LEFT JOIN departures f ON f.tailnum = g.record AND f.departure >= g.day - 29 AND f.departure < g.day + 1
GROUP BY g.record, g.day
"""

# A number field times an activity.
QUERIES["plane_seats_flown"] = """
SELECT g.record, g.day, sum(f.seats)::DOUBLE AS value
FROM plane_days g LEFT JOIN fleet_flights f ON f.tailnum = g.record AND f.day = g.day
GROUP BY g.record, g.day
"""

# A text field in IF: 0 for other makers on every day, NULL for a Boeing on a day without a flight.
QUERIES["plane_boeing_flights"] = """
SELECT g.record, g.day,
       CASE WHEN p.manufacturer = 'BOEING' THEN nullif(count(f.day), 0) ELSE 0 END::DOUBLE AS value
FROM plane_days g
JOIN planes p ON p.tailnum = g.record
LEFT JOIN fleet_flights f ON f.tailnum = g.record AND f.day = g.day
GROUP BY g.record, g.day, p.manufacturer
"""

# `where` with `missing: zero`: a big plane without a flight has 0, a small plane NULL.
QUERIES["plane_wide_body_hours_30d"] = """
SELECT g.record, g.day, CASE WHEN p.seats >= 200 THEN coalesce(sum(f.air_time), 0) / 60 END AS value
FROM plane_days g
JOIN planes p ON p.tailnum = g.record
LEFT JOIN flights f ON f.tailnum = g.record AND f.day BETWEEN g.day - 29 AND g.day
GROUP BY g.record, g.day, p.seats
"""

HAND_SQL: dict[str, str] = {metric: STEPS + query for metric, query in QUERIES.items()}

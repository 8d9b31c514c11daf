-- What was the air quality index of each day, and what was it due to?
--
-- Input:   area_daily.
-- Output:  aqi_daily, one row a (level, code, local day) of which PM2.5 or PM10 is valid.
-- Rule:    HJ 633: the index of each pollutant from its 24-hour mean in whole µg/m³, rounded up (iaqi, by the edition in
--          force on the day); the AQI is the highest of them, and above 50 the pollutants that have it are primary.
--          Monitors here know two of the six pollutants, so it is the index of particles. A day on which one of the two
--          is not valid has no AQI: the highest of two numbers is not known when one of them is not.
WITH days AS (
    SELECT
        level, code, district, day,
        max(CASE WHEN parameter = 'pm25' THEN mean END) AS pm25,
        max(CASE WHEN parameter = 'pm10' THEN mean END) AS pm10
    FROM area_daily
    WHERE parameter = 'pm25' OR parameter = 'pm10'
    GROUP BY level, code, district, day
),
indices AS (
    SELECT
        level, code, district, day,
        round_half_even(pm25, 0) AS pm25,
        round_half_even(pm10, 0) AS pm10,
        iaqi('pm25', pm25, day) AS iaqi_pm25,
        iaqi('pm10', pm10, day) AS iaqi_pm10
    FROM days
),
highest AS (
    SELECT
        level, code, district, day, pm25, pm10, iaqi_pm25, iaqi_pm10,
        CASE WHEN iaqi_pm25 >= iaqi_pm10 THEN iaqi_pm25 WHEN iaqi_pm10 > iaqi_pm25 THEN iaqi_pm10 END AS aqi
    FROM indices
)
SELECT
    level, code, district, day, pm25, pm10, iaqi_pm25, iaqi_pm10, aqi,
    aqi_class(aqi) AS class,
    CASE WHEN aqi <= 50 THEN NULL
        WHEN iaqi_pm25 = iaqi_pm10 THEN 'pm25+pm10'
        WHEN iaqi_pm25 > iaqi_pm10 THEN 'pm25'
        WHEN iaqi_pm10 > iaqi_pm25 THEN 'pm10' END AS primary_pollutant
FROM highest

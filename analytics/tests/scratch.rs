//! scratch
#![allow(clippy::unwrap_used)]
use dustwatch_analytics::*;
use dustwatch_config::Settings;
use dustwatch_lake::*;
use dustwatch_observation::*;
use std::time::Instant;
#[tokio::test(flavor = "multi_thread")]
async fn scratch() {
    let dir = "/tmp/analytics_bench_lake";
    let fresh = !std::path::Path::new(dir).exists();
    let mut settings = Settings::load(None).unwrap();
    settings.lake.uri = dir.to_owned();
    let lake = Lake::new(&settings).unwrap();
    let ps = settings.parameters.clone();
    if fresh {
        let mut ap = Appender::open(&lake, TableKind::Observations, "bench")
            .await
            .unwrap();
        let mut days = LocalDays::new(settings.district.timezone);
        let mut pos = 0;
        let devices: Vec<String> = settings
            .registry
            .stations()
            .iter()
            .map(|s| s.device.to_string())
            .collect();
        let start = Time::parse_rfc3339(b"2019-08-01T00:00:00+08:00").unwrap();
        let mut x: u64 = 88172645463325252;
        for d in 0..16i64 {
            let mut b = ObservationBatchBuilder::new(ps.clone());
            let mut o = Observation::new(ps.len());
            for m in 0..1440i64 {
                let t = start.plus_micros((d * 1440 + m) * 60_000_000);
                for dev in &devices {
                    o.clear();
                    o.device.push_str(dev);
                    o.time = t;
                    o.seq = Some((d * 1440 + m) as u64);
                    o.epoch.push_str("abcd");
                    for (id, p) in ps.iter() {
                        x ^= x << 13;
                        x ^= x >> 7;
                        x ^= x << 17;
                        o.reading_mut(id).value =
                            Some(Decimal::new(300 + (x % 500) as i64, p.decimals.min(1)));
                    }
                    b.append(&o, t.plus_micros(1_000_000), days.day_of(t).unwrap());
                }
            }
            pos += 1;
            ap.append(&[b.finish().unwrap().rows], pos).await.unwrap();
        }
    }
    let q = async |sql: &str| {
        let t = Instant::now();
        let r = query(&lake, &settings, sql)
            .await
            .map(|r| Table::from_result(&r).unwrap().to_csv())
            .unwrap_or_else(|e| e.to_string());
        println!(
            "{:6} ms  {}  -> {}",
            t.elapsed().as_millis(),
            &sql[..30],
            if sql.starts_with("EXP") {
                &r[..]
            } else {
                r.lines().nth(1).unwrap_or(&r)
            }
        );
    };
    for _ in 0..3 {
        q("SELECT avg(tsp) FROM observations_rows").await;
        q("WITH repeated AS (SELECT day, device, observed_at FROM observations_rows GROUP BY day, device, observed_at HAVING count(*) > 1) SELECT count(*) FROM (SELECT r.* FROM observations_rows r LEFT ANTI JOIN repeated d ON r.day = d.day AND r.device = d.device AND r.observed_at = d.observed_at UNION ALL SELECT * EXCEPT (recency) FROM (SELECT r.*, row_number() OVER (PARTITION BY day, device, observed_at ORDER BY received_at DESC, epoch, seq, tsp, pm10, pm25, noise, temperature, humidity) recency FROM observations_rows r LEFT SEMI JOIN repeated d ON r.day = d.day AND r.device = d.device AND r.observed_at = d.observed_at) WHERE recency = 1)").await;
        q("WITH repeated AS (SELECT day, device, observed_at FROM observations_rows GROUP BY day, device, observed_at HAVING count(*) > 1) SELECT avg(tsp) FROM (SELECT r.* FROM observations_rows r LEFT ANTI JOIN repeated d ON r.day = d.day AND r.device = d.device AND r.observed_at = d.observed_at UNION ALL SELECT * EXCEPT (recency) FROM (SELECT r.*, row_number() OVER (PARTITION BY day, device, observed_at ORDER BY received_at DESC, epoch, seq, tsp, pm10, pm25, noise, temperature, humidity) recency FROM observations_rows r LEFT SEMI JOIN repeated d ON r.day = d.day AND r.device = d.device AND r.observed_at = d.observed_at) WHERE recency = 1)").await;
        q("WITH repeated AS (SELECT day, device, observed_at FROM observations_rows GROUP BY day, device, observed_at HAVING count(*) > 1) SELECT avg(tsp), avg(pm10), avg(pm25), avg(noise), max(humidity), max(device) FROM (SELECT r.* FROM observations_rows r LEFT ANTI JOIN repeated d ON r.day = d.day AND r.device = d.device AND r.observed_at = d.observed_at UNION ALL SELECT * EXCEPT (recency) FROM (SELECT r.*, row_number() OVER (PARTITION BY day, device, observed_at ORDER BY received_at DESC, epoch, seq, tsp, pm10, pm25, noise, temperature, humidity) recency FROM observations_rows r LEFT SEMI JOIN repeated d ON r.day = d.day AND r.device = d.device AND r.observed_at = d.observed_at) WHERE recency = 1)").await;
        q("EXPLAIN ANALYZE WITH repeated AS (SELECT day, device, observed_at FROM observations_rows GROUP BY day, device, observed_at HAVING count(*) > 1) SELECT avg(tsp) FROM (SELECT r.* FROM observations_rows r LEFT ANTI JOIN repeated d ON r.day = d.day AND r.device = d.device AND r.observed_at = d.observed_at UNION ALL SELECT * EXCEPT (recency) FROM (SELECT r.*, row_number() OVER (PARTITION BY day, device, observed_at ORDER BY received_at DESC, epoch, seq, tsp, pm10, pm25, noise, temperature, humidity) recency FROM observations_rows r LEFT SEMI JOIN repeated d ON r.day = d.day AND r.device = d.device AND r.observed_at = d.observed_at) WHERE recency = 1)").await;
    }
    let t = Instant::now();
    let r = rebuild(&lake, &settings, |_| {}).await.unwrap();
    println!("rebuild {:?} {} ms", r, t.elapsed().as_millis());
    for src in [SourceChoice::Rollup, SourceChoice::Rollup, SourceChoice::Raw] {
        let t = Instant::now();
        let r = rank(
            &lake,
            &settings,
            &RankRequest {
                source: src,
                ..RankRequest::new("pm25", "2019-W32".parse().unwrap())
            },
        )
        .await
        .unwrap();
        println!(
            "rank {:?} {} ms rows {}",
            src,
            t.elapsed().as_millis(),
            r.rows.len()
        );
    }
    let t = Instant::now();
    district_period(
        &lake,
        &settings,
        &DistrictRequest::new("pm25", "2019-W32".parse().unwrap()),
    )
    .await
    .unwrap();
    println!("district {} ms", t.elapsed().as_millis());
    println!(
        "{}",
        std::fs::read_to_string("/proc/self/status")
            .unwrap()
            .lines()
            .filter(|l| l.starts_with("VmHWM"))
            .next()
            .unwrap()
    );
}

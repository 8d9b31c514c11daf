//! A desk: settings, an empty lake, and files that are written on it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use dustwatch_analytics::{
    BulletinImport, BulletinImported, EnforcementReport, EnforcementRequest, LedgerReport,
    LedgerReportRequest, SheetReport, Table, bulletin_list, enforcement_report, import_bulletin,
    import_enforcement, import_ledger, ledger_report, query,
};
use dustwatch_config::{Registry, Settings};
use dustwatch_lake::Lake;
use dustwatch_observation::Time;

use crate::common::time;

/// The instant of every import unless a test says otherwise: the morning of 2024-11-20 in Beijing.
pub(crate) const NOW: &str = "2024-11-20T09:00:00+08:00";

pub(crate) struct Desk {
    pub(crate) settings: Settings,
    pub(crate) lake: Lake,
    pub(crate) now: Time,
    folder: tempfile::TempDir,
}

impl Desk {
    /// The built-in district.
    pub(crate) fn new() -> Self {
        Self::with(Settings::load(None).unwrap())
    }

    /// The built-in district in the list of all of the city's townships.
    pub(crate) fn of_the_city() -> Self {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/beijing/townships.csv");
        let townships = std::fs::read_to_string(&file).unwrap();
        let mut settings = Settings::load(None).unwrap();
        let stations = (Path::new("stations.csv"), "device,name,kind,township\n");
        settings.registry = Arc::new(Registry::parse((&file, &townships), stations).unwrap());
        Self::with(settings)
    }

    /// The built-in district with kinds of ledgers of its own: file names and texts.
    pub(crate) fn with_ledgers(kinds: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("ledgers")).unwrap();
        for (name, text) in kinds {
            std::fs::write(folder.path().join("ledgers").join(name), text).unwrap();
        }
        let file = folder.path().join("dustwatch.toml");
        std::fs::write(&file, "[district]\nledgers = \"ledgers\"\n").unwrap();
        Self::with(Settings::load(Some(&file)).unwrap())
    }

    fn with(mut settings: Settings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        settings.lake.uri = folder.path().join("lake").display().to_string();
        Self {
            lake: Lake::new(&settings).unwrap(),
            settings,
            now: time(NOW),
            folder,
        }
    }

    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    pub(crate) async fn enforcement(&self, text: impl AsRef<[u8]>) -> SheetReport {
        let file = self.file("enforcement.csv", text);
        import_enforcement(&self.lake, &self.settings, &file, self.now)
            .await
            .unwrap()
    }

    pub(crate) async fn enforcement_report(&self, period: &str, by: &str) -> EnforcementReport {
        let request = EnforcementRequest {
            period: period.parse().unwrap(),
            by: by.parse().unwrap(),
        };
        enforcement_report(&self.lake, &self.settings, &request)
            .await
            .unwrap()
    }

    pub(crate) async fn bulletin(
        &self,
        parameter: &str,
        period: &str,
        text: impl AsRef<[u8]>,
    ) -> BulletinImported {
        let file = self.file("list.csv", text);
        self.bulletin_file(parameter, period, file).await.unwrap()
    }

    pub(crate) async fn bulletin_file(
        &self,
        parameter: &str,
        period: &str,
        file: PathBuf,
    ) -> Result<BulletinImported, dustwatch_analytics::AnalyticsError> {
        let request = BulletinImport {
            file,
            parameter: parameter.to_owned(),
            period: period.parse().unwrap(),
            now: self.now,
        };
        import_bulletin(&self.lake, &self.settings, &request).await
    }

    /// The lists that stand: rank, district, township, code, value, flag.
    pub(crate) async fn listed(&self) -> Vec<String> {
        let found = bulletin_list(&self.lake, &self.settings, None, None)
            .await
            .unwrap();
        lines(
            &Table::from_result(&found).unwrap(),
            &["rank_from_worst", "district", "township", "code", "value", "flag"],
        )
    }

    pub(crate) async fn ledger(&self, kind: &str, text: impl AsRef<[u8]>) -> SheetReport {
        let file = self.file("ledger.csv", text);
        import_ledger(&self.lake, &self.settings, kind, &file, self.now)
            .await
            .unwrap()
    }

    pub(crate) async fn ledger_report(&self, kind: &str, item: Option<&str>, period: &str) -> LedgerReport {
        let request = LedgerReportRequest {
            kind: kind.to_owned(),
            item: item.map(str::to_owned),
            period: period.parse().unwrap(),
        };
        ledger_report(&self.lake, &self.settings, &request).await.unwrap()
    }

    /// The cells of a question, `|` between them.
    pub(crate) async fn query(&self, sql: &str) -> Vec<String> {
        let result = query(&self.lake, &self.settings, sql).await.unwrap();
        let table = Table::from_result(&result).unwrap();
        let headers: Vec<&str> = table.headers.iter().map(String::as_str).collect();
        lines(&table, &headers)
    }
}

/// Columns of a table, `|` between the cells.
pub(crate) fn lines(table: &Table, columns: &[&str]) -> Vec<String> {
    let places: Vec<usize> = columns
        .iter()
        .map(|column| table.headers.iter().position(|h| h == column).unwrap())
        .collect();
    let line = |row: &Vec<dustwatch_analytics::Cell>| {
        let cells: Vec<&str> = places.iter().map(|at| row[*at].text()).collect();
        cells.join("|")
    };
    table.rows.iter().map(line).collect()
}

/// What became of lines that were not simply taken: `LINE REASON`. Each reason stands in the page about these files.
pub(crate) fn told(remarks: &[dustwatch_analytics::Refusal]) -> Vec<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/handed-in-files.md");
    let page = std::fs::read_to_string(page).unwrap();
    for remark in remarks {
        let row = format!("| `{}` |", remark.reason);
        assert!(page.contains(&row), "{} is not on the page", remark.reason);
    }
    remarks
        .iter()
        .map(|remark| format!("{} {}", remark.line, remark.reason))
        .collect()
}

/// How many entries were new, corrected, unchanged.
pub(crate) fn counts(report: &SheetReport) -> (u64, u64, u64) {
    (report.added.new, report.added.corrected, report.added.unchanged)
}

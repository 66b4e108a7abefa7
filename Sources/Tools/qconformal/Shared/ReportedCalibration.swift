import Calibration
import FilterKit

/// The calibration of one quantile group as messages and the report see it.
protocol ReportedCalibration {
  /// Keys that are calibrated on their own, sorted.
  var keys: [RowKey] { get }
  /// Keys with fewer labelled rows than `rowsNeeded`, sorted.
  var smallKeys: [RowKey] { get }
  var rowsNeeded: Int { get }
  /// What unlabelled rows of a key are corrected by; nil, and keys that are not calibrated on their own: by all labelled rows.
  func corrections(_ key: RowKey?) -> [Correction]
  /// Corrections of everything that answers some row.
  var usedCorrections: [Correction] { get }
  /// The answer to a row of the table, a labelled one that taught, with these quantiles.
  func calibrated(_ quantiles: [Double], row: Int, weight: Double) throws -> [Double]
}

extension KeyedCalibration: ReportedCalibration {
  var keys: [RowKey] { byKey.keys.sorted() }
  func corrections(_ key: RowKey?) -> [Correction] { full(key).corrections }
  var usedCorrections: [Correction] { used.flatMap(\.allCorrections) }
  func calibrated(_ quantiles: [Double], row: Int, weight: Double) throws -> [Double] {
    try fitted(forRow: row).calibrated(quantiles, weight: weight)
  }
}

import Calibration

/// The calibration of one quantile group as messages and the report see it.
protocol ReportedCalibration {
  /// Parts of the table that are calibrated on their own, sorted.
  var partKeys: [String] { get }
  /// Parts with fewer labelled rows than `rowsNeeded`, sorted.
  var smallParts: [String] { get }
  var rowsNeeded: Int { get }
  /// What unlabelled rows of a part are corrected by; nil, and parts that are not calibrated on their own: by all labelled rows.
  func corrections(_ key: String?) -> [Correction]
  /// Corrections of everything that answers some row.
  var usedCorrections: [Correction] { get }
  /// The answer to a row of the table, a labelled one that taught, with these quantiles.
  func calibrated(_ quantiles: [Double], row: Int, weight: Double) throws -> [Double]
}

extension PartedCalibration: ReportedCalibration {
  var partKeys: [String] { parts.keys.sorted() }
  func corrections(_ key: String?) -> [Correction] { full(key).corrections }
  var usedCorrections: [Correction] { used.flatMap(\.allCorrections) }
  func calibrated(_ quantiles: [Double], row: Int, weight: Double) throws -> [Double] {
    try fitted(forRow: row).calibrated(quantiles, weight: weight)
  }
}

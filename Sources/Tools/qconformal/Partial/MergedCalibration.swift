import FilterKit

/// The calibration that `--merge` makes, and what is to be said of it.
struct MergedCalibration {
  let saved: SavedCalibration
  /// Labelled rows of all files.
  let rows: Int
  let totalWeight: Double
  /// The largest of each group.
  let rankErrors: [Int]
  /// Keys with too few labelled rows, sorted.
  let smallKeys: [RowKey]
  let rowsNeeded: Int
}

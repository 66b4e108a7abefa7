import MethodKit

/// A conformal method, by what it learns from.
public enum CalibrationMethod: Sendable {
  /// From all labelled rows at once.
  case ofRows(any Calibrator.Type)
  /// From tables in which a row to be answered stands once for each fold.
  case ofCopies(any CopyCalibrator.Type)
  /// From row after row, in the order of time.
  case online(any OnlineCalibrator.Type)

  public var description: MethodDescription {
    switch self {
    case .ofRows(let type): type.description
    case .ofCopies(let type): type.description
    case .online(let type): type.description
    }
  }
}

extension [CalibrationMethod] {
  /// What help lists.
  public var descriptions: [MethodDescription] { map(\.description) }

  public subscript(name: String) -> CalibrationMethod? { first { $0.description.name == name } }

  /// Those of each kind, in their order.
  public var ofRows: [any Calibrator.Type] { compactMap { if case .ofRows(let type) = $0 { type } else { nil } } }
  public var ofCopies: [any CopyCalibrator.Type] { compactMap { if case .ofCopies(let type) = $0 { type } else { nil } } }
  public var online: [any OnlineCalibrator.Type] { compactMap { if case .online(let type) = $0 { type } else { nil } } }
}

/// The methods of `calibrationRegistry` that learn from all labelled rows at once, and those that learn from row after row.
public let calibratorRegistry = calibrationRegistry.ofRows
public let onlineRegistry = calibrationRegistry.online

/// How often rows are written for cross-conformal calibration (column held), and which models answer each copy.
///
/// Models are told by the folds they did not see, increasing: none for those fitted on all labelled rows. A model that saw neither
/// fold k nor fold ℓ answers copy ℓ of the rows of fold k and copy k of the rows of fold ℓ, so K(K − 1)/2 + K fits a learner serve
/// every copy (Fakoor, Kim, Mueller, Smola, Tibshirani 2023, §5).
enum CopyPlan {
  /// Every row once: rows of a fold by models that did not see it, the others by models that saw every labelled row.
  case none
  /// Rows of a fold once, the others once for each fold ℓ, by models that did not see ℓ.
  case crossValidation
  /// Every row once for each fold ℓ, by models that saw neither ℓ nor the row's own fold.
  case nested

  /// "without fold 0", "without folds 0 and 1" in messages; nil where none is left out.
  static func omission(of unseen: [Int]) -> String? {
    unseen.isEmpty ? nil : "without \(unseen.count == 1 ? "fold" : "folds") \(unseen.map(String.init).joined(separator: " and "))"
  }

  init(crossValidation: Bool, nested: Bool) { self = nested ? .nested : crossValidation ? .crossValidation : .none }

  var writesCopies: Bool { if case .none = self { false } else { true } }

  /// The copies of a row of `fold` (−1: of none).
  func copies(ofFold fold: Int, folds: [Int]) -> [(copy: Int?, unseen: [Int])] {
    switch self {
    case .none: [(nil, fold < 0 ? [] : [fold])]
    case .crossValidation where fold >= 0: [(fold, [fold])]
    default: folds.map { ($0, fold < 0 || $0 == fold ? [$0] : [min($0, fold), max($0, fold)]) }
    }
  }

  /// Whether a row of `fold` (−1: of none) has a copy that is answered by the models without `unseen`, one of `fits`.
  func answers(fold: Int, without unseen: [Int]) -> Bool {
    fold >= 0 ? unseen.contains(fold) : unseen.count == (writesCopies ? 1 : 0)
  }

  /// What to fit, the fits on most rows first. `needsFull`: models that saw every labelled row are wanted where rows are not copied.
  func fits(folds: [Int], writesLabelled: Bool, needsFull: Bool) -> [[Int]] {
    switch self {
    case .none: (needsFull ? [[]] : []) + folds.map { [$0] }
    case .nested where writesLabelled: folds.map { [$0] } + folds.indices.flatMap { k in folds[(k + 1)...].map { [folds[k], $0] } }
    default: folds.map { [$0] }
    }
  }
}

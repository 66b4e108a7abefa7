/// Which labelled rows a fit has learnt from.
enum FitRows: Hashable, Sendable {
  /// All but those of some folds, increasing; of none, all of them.
  case without([Int])
  /// Those of a fit in order of time.
  case known(Int)
  /// Nothing: before the first fit.
  case none
}

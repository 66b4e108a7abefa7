import MethodKit

extension FitContext {
  /// Says which models get no weight; `reason` tells why: "that predict no training row".
  func tellWeightless(_ reason: String, _ models: [String]) {
    if !models.isEmpty { warn("weight zero for models \(reason): \(list(models))") }
  }
}

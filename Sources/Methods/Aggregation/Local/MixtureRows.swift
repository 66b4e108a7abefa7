/// Base predictions as a mixture sees them: each row less its own centre and divided by one scale, which leaves mixtures as they are
/// since weights sum to one, and in which float precision is enough.
package struct MixtureRows: Sendable {
  /// Source values, S × stride a row, where they are few enough to be kept; else base predictions, p × m a row.
  private let values: [Float]
  private let isGathered: Bool
  private let shape: MixtureShape
  /// Whether nothing of the row is missing.
  let isWhole: [Bool]
  /// What a shift is measured in: the mean width of the row's models.
  let units: [Float]

  /// Floats that are kept gathered at most.
  private static let largestGathered = 1 << 26

  package init(_ predictions: BasePredictions, _ seen: PredictionFeatures, _ shape: MixtureShape, scale: Double) {
    let n = predictions.rows
    let width = shape.models * shape.levels.count
    let gathered = shape.sources * shape.stride
    let isGathered = n * gathered <= max(MixtureRows.largestGathered, gathered)
    let step = isGathered ? gathered : width
    var isWhole = [Bool](repeating: true, count: n)
    var row = [Float](repeating: 0, count: width)
    values = [Float](unsafeUninitializedCapacity: n * step) { target, filled in
      filled = n * step
      guard let target = target.baseAddress else { return }
      target.initialize(repeating: 0, count: n * step)
      predictions.values.withUnsafeBufferPointer { values in
        for i in 0..<n {
          for k in 0..<width {
            let v = (values[i * width + k] - seen.centres[i]) / scale
            if v.isNaN { isWhole[i] = false }
            row[k] = v.isNaN ? .nan : Float(max(-MixtureRows.far, min(MixtureRows.far, v)))
          }
          if isGathered { shape.gather(row, into: target + i * step) } else { (target + i * step).update(from: row, count: width) }
        }
      }
    }
    self.isGathered = isGathered
    self.shape = shape
    self.isWhole = isWhole
    units = seen.widths.map { Float(min(MixtureRows.far, $0 / scale)) }
  }

  /// Predictions further off than this, in mean absolute errors, count as this far: gradients stay finite.
  static let far = 1e6

  /// Calls `body` with a row's S × stride source values; `room` holds as many where they are not kept.
  @inline(__always)
  func withSources(_ row: Int, room: UnsafeMutablePointer<Float>, _ body: (UnsafePointer<Float>) -> Void) {
    values.withUnsafeBufferPointer { values in
      if isGathered {
        // One run over the row's memory, which the processor foresees, instead of the strides of the softmax.
        room.update(from: values.baseAddress! + row * shape.sources * shape.stride, count: shape.sources * shape.stride)
      } else {
        shape.gather(values.baseAddress! + row * shape.models * shape.levels.count, into: room)
      }
      body(room)
    }
  }
}

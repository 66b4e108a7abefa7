import LinearAlgebra
import NetworkModels
import Quantiles

/// How a mixture's training keeps levels from crossing.
package enum CrossingControl: Equatable, Sendable {
  case none
  /// λ·ρ(q) with δ for every pair, or with margins δ_t − δ_s.
  case penalty(weight: Float, margin: Float)
  case adaptivePenalty(weight: Float, margins: [Float])
  case isotonic(IsotonicOperator)
}

/// Σ_τ ψ_τ / m of a mixture's quantiles plus what keeps them from crossing (Fakoor et al. 2023, sections 3.3 and 4).
package struct MixtureObjective: NetworkObjective {
  let shape: MixtureShape
  let control: CrossingControl
  let rows: MixtureRows
  /// Logits before training.
  let biases: [Float]
  private let below: [Float]
  private let anchor: Int

  package init(shape: MixtureShape, control: CrossingControl, rows: MixtureRows, biases: [Float]) {
    self.shape = shape
    self.control = control
    self.rows = rows
    self.biases = biases
    below = shape.levels.map { -Float($0) / Float(shape.levels.count) }
    anchor = Isotonic.anchor(shape.levels)
  }

  package var outputs: Int { shape.outputs }

  package func startingBiases(_ rows: NetworkTraining.Rows, training: [Int]) -> [Float] { biases }

  package func workspace() -> MixtureWorkspace { MixtureWorkspace(MixtureLayer(shape)) }

  package func gradient(_ row: NetworkRow, outputs: UnsafePointer<Float>, into gradient: UnsafeMutablePointer<Float>, _ space: MixtureWorkspace) {
    let m = shape.levels.count
    let layer = space.layer
    forward(row.index, outputs, layer)
    let derivative = space.derivative
    let q = layer.quantiles
    let share = 1 / Float(m)
    if case .isotonic(let operation) = control {
      space.ordering.apply(operation, q, count: m, anchor: anchor)
      for t in 0..<m { derivative[t] = Double(row.target) >= space.ordering.values[t] ? below[t] : below[t] + share }
      space.ordering.pullBack(derivative, count: m)
    } else {
      below.withUnsafeBufferPointer { below in
        for t in 0..<m { derivative[t] = row.target >= q[t] ? below[t] : below[t] + share }
      }
      switch control {
      case .penalty(let weight, let margin):
        _ = CrossingPenalty.add(q, count: m, margin: margin, weight: weight * share, to: derivative, places: space.places)
      case .adaptivePenalty(let weight, let margins):
        for t in 0..<m { q[t] -= margins[t] }
        _ = CrossingPenalty.add(q, count: m, margin: 0, weight: weight * share, to: derivative, places: space.places)
      case .none, .isotonic: break
      }
    }
    layer.backward(derivative, unit: rows.units[row.index], into: gradient)
  }

  package func judge(_ row: NetworkRow, outputs: UnsafePointer<Float>, _ space: MixtureWorkspace) -> Double {
    forward(row.index, outputs, space.layer)
    let m = shape.levels.count
    var sum: Float = 0
    below.withUnsafeBufferPointer { below in
      for t in 0..<m {
        let u = row.target - space.layer.quantiles[t]
        sum += u * (u >= 0 ? -below[t] : -below[t] - 1 / Float(m))
      }
    }
    return Double(sum)
  }

  private func forward(_ row: Int, _ outputs: UnsafePointer<Float>, _ layer: MixtureLayer) {
    rows.withSources(row, room: layer.room) { layer.forward($0, isWhole: rows.isWhole[row], unit: rows.units[row], outputs: outputs) }
  }
}

/// Room for one row.
package final class MixtureWorkspace {
  let layer: MixtureLayer
  let derivative: UnsafeMutablePointer<Float>
  let places: UnsafeMutablePointer<Int32>
  let ordering: IsotonicLayer

  init(_ layer: MixtureLayer) {
    self.layer = layer
    let m = layer.shape.levels.count
    derivative = FloatElementwise.allocate(m)
    places = .allocate(capacity: 2 * m)
    ordering = IsotonicLayer(capacity: m)
  }

  deinit {
    derivative.deallocate()
    places.deallocate()
  }
}

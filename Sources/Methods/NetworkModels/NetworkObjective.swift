import Groundwork

/// What a network is asked to be: its outputs, its loss, and how its training is judged.
package protocol NetworkObjective: Sendable {
  var outputs: Int { get }
  /// Inputs beside the features, which the objective fills in.
  var extraInputs: Int { get }
  /// Biases of the outputs before training on some rows.
  func startingBiases(_ rows: NetworkTraining.Rows, training: [Int]) -> [Float]
  /// Fills the extra inputs of a training row.
  func drawExtras(_ extras: UnsafeMutablePointer<Float>, _ random: inout RandomStream)
  /// What a row's loss needs room for; one for each network that trains.
  associatedtype Workspace
  func workspace() -> Workspace
  /// Writes the derivative of a row's loss in its outputs.
  func gradient(_ row: NetworkRow, outputs: UnsafePointer<Float>, into gradient: UnsafeMutablePointer<Float>, _ workspace: Workspace)
  /// How often a row is judged, each time with other extras.
  var judgements: Int { get }
  /// Fills the extra inputs of judgement `k` of held-out row `row`.
  func judgedExtras(row: Int, _ k: Int, _ extras: UnsafeMutablePointer<Float>)
  /// Mean pinball loss of a row's outputs.
  func judge(_ row: NetworkRow, outputs: UnsafePointer<Float>, _ workspace: Workspace) -> Double
}

/// One row as a loss sees it.
package struct NetworkRow {
  package let index: Int
  package let target: Float
  /// The row's extra inputs.
  package let extras: UnsafePointer<Float>

  package init(index: Int, target: Float, extras: UnsafePointer<Float>) {
    self.index = index
    self.target = target
    self.extras = extras
  }
}

extension NetworkObjective where Workspace == Void {
  package func workspace() {}
}

extension NetworkObjective {
  package var extraInputs: Int { 0 }
  package var judgements: Int { 1 }
  package func drawExtras(_ extras: UnsafeMutablePointer<Float>, _ random: inout RandomStream) {}
  package func judgedExtras(row: Int, _ k: Int, _ extras: UnsafeMutablePointer<Float>) {}
}

import Groundwork

/// Programmes that share weights: the sum of their objectives over a product of simplices,
///
///     F(w) = Σ_k F_k(w restricted to the variables of part k),  w ≥ 0, Σ_{j ∈ g} w_j = 1 for each group g.
///
/// A part sees a few of the variables, of one group or several; it need not be on a simplex of its own. The dual is that of
/// `SimplexPinballProgram`: any z in its boxes bounds the optimum from below by −Σ_g max_{j ∈ g} ((Eᵀz)_j − κ_j).
struct JointSimplexProgram {
  struct Part {
    let program: SimplexPinballProgram
    /// The variable behind each of the programme's models.
    let variables: [Int]
  }

  let parts: [Part]
  /// Consecutive variables, all of them, each group with its simplex.
  let groups: [Range<Int>]

  var variables: Int { groups.last!.upperBound }

  init(parts: [Part], groups: [Range<Int>]) {
    self.parts = parts
    self.groups = groups
  }

  /// One programme on one simplex.
  init(_ program: SimplexPinballProgram) {
    self.init(parts: [Part(program: program, variables: Array(0..<program.models))], groups: [0..<program.models])
  }

  /// `body` for every part, with the threads it may use: parts in parallel, or the blocks of a single one.
  func forParts<T: Sendable>(threads: Int, _ body: @Sendable (Int, Int) -> T) -> [T] {
    let inner = parts.count < threads ? threads : 1
    return try! parallelMap(parts.count, threads: inner == 1 ? threads : 1) { body($0, inner) }
  }

  /// w of one part.
  func restricted(_ w: [Double], to k: Int) -> [Double] { parts[k].variables.map { w[$0] } }

  func objective(_ w: [Double], threads: Int) -> Double {
    forParts(threads: threads) { k, inner in parts[k].program.objective(restricted(w, to: k), threads: inner) }.reduce(0, +)
  }

  /// The bound that multipliers of every part prove, each first put into its box.
  func bound(_ z: [[Double]], threads: Int) -> Double {
    let prices = forParts(threads: threads) { k, inner in parts[k].program.prices(z[k], threads: inner) }
    var sums = [Double](repeating: 0, count: variables)
    for (part, own) in zip(parts, prices) { for (j, price) in zip(part.variables, own) { sums[j] += price } }
    return groups.reduce(0) { $0 - sums[$1].max()! }
  }
}

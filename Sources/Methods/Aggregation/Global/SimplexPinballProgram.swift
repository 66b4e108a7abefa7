import Groundwork

/// The linear programme that weights on the simplex solve (Fakoor et al. 2023, section 3.2):
///
///     F(w) = Σ_r c_r ψ_{τ_r}(−Σ_j w_j e_rj) + Σ_j κ_j w_j  over  w ≥ 0, Σ_j w_j = 1,
///
/// with e_rj = ĝ_j − y the error of model j at term r, a pair of row and level, and κ_j what weight itself costs. That the errors, not the
/// predictions, are combined is the same since weights sum to one, and keeps digits that a large common offset would cost.
///
/// Its dual maximises −max_j ((Eᵀz)_j − κ_j) over −c_r(1 − τ_r) ≤ z_r ≤ c_r τ_r, so any z in that box bounds the optimum from
/// below: `bound` certifies a solution however it was found.
///
/// Terms lie in blocks of `blockTerms`, a block model by model. Sums are taken over a fixed partition of the blocks, in
/// its order, so that no bit depends on the number of threads.
package struct SimplexPinballProgram {
  static let blockTerms = 512
  private static let largestChunkCount = 64

  package let models: Int
  package let terms: Int
  /// Error of model j at term r: `errors[(r / blockTerms * models + j) * blockTerms + r % blockTerms]`.
  let errors: [Double]
  /// c_r τ_r, what a unit of positive residual costs, and c_r (1 − τ_r), what a negative one does.
  let high: [Double]
  let low: [Double]
  /// κ_j.
  let costs: [Double]

  /// `errors` is padded with zeros to whole blocks; costs are zero unless given.
  init(models: Int, errors: [Double], high: [Double], low: [Double], costs: [Double]? = nil) {
    self.models = models
    self.costs = costs ?? [Double](repeating: 0, count: models)
    terms = high.count
    self.errors = errors
    self.high = high
    self.low = low
    precondition(low.count == terms && errors.count == blocks * models * SimplexPinballProgram.blockTerms)
  }

  var blocks: Int { (terms + SimplexPinballProgram.blockTerms - 1) / SimplexPinballProgram.blockTerms }

  /// Terms of block b.
  func range(_ b: Int) -> Range<Int> {
    b * SimplexPinballProgram.blockTerms..<min(terms, (b + 1) * SimplexPinballProgram.blockTerms)
  }

  func row(_ r: Int) -> [Double] {
    let base = r / SimplexPinballProgram.blockTerms * models * SimplexPinballProgram.blockTerms
    return (0..<models).map { errors[base + $0 * SimplexPinballProgram.blockTerms + r % SimplexPinballProgram.blockTerms] }
  }

  /// Calls `body` with every block's terms and errors; it adds to `width` sums that are zero at first. Returns the sums of
  /// each chunk of blocks, for a reduction in that order.
  func partials(
    width: Int, threads: Int, _ body: @Sendable (Range<Int>, UnsafePointer<Double>, UnsafeMutablePointer<Double>) -> Void
  ) -> [[Double]] {
    let chunks = min(blocks, SimplexPinballProgram.largestChunkCount)
    return try! parallelMap(chunks, threads: threads) { chunk in
      errors.withUnsafeBufferPointer { errors in
        var sums = [Double](repeating: 0, count: width)
        sums.withUnsafeMutableBufferPointer { sums in
          for b in chunk * blocks / chunks..<(chunk + 1) * blocks / chunks {
            body(range(b), errors.baseAddress! + b * models * SimplexPinballProgram.blockTerms, sums.baseAddress!)
          }
        }
        return sums
      }
    }
  }

  func sums(
    width: Int, threads: Int, _ body: @Sendable (Range<Int>, UnsafePointer<Double>, UnsafeMutablePointer<Double>) -> Void
  ) -> [Double] {
    var total = [Double](repeating: 0, count: width)
    for part in partials(width: width, threads: threads, body) { for k in 0..<width { total[k] += part[k] } }
    return total
  }

  /// E·d for every term.
  package func combined(_ d: [Double], threads: Int) -> [Double] {
    [Double](unsafeUninitializedCapacity: terms) { buffer, filled in
      let result = DisjointSlots(buffer)
      _ = partials(width: 0, threads: threads) { range, errors, _ in
        combine(errors, d, range.count, into: result[range].baseAddress!)
      }
      filled = terms
    }
  }

  /// F(w). Cost: O(N·p).
  package func objective(_ w: [Double], threads: Int) -> Double {
    cost(w)
      + sums(width: 1, threads: threads) { range, errors, sum in
        withUnsafeTemporaryAllocation(of: Double.self, capacity: range.count) { buffer in
          combine(errors, w, range.count, into: buffer.baseAddress!)
          for (k, r) in range.enumerated() {
            let error = buffer[k]
            sum[0] += error < 0 ? -high[r] * error : low[r] * error
          }
        }
      }[0]
  }

  /// Σ_j κ_j w_j.
  func cost(_ w: [Double]) -> Double {
    var sum = 0.0
    for j in 0..<models { sum += costs[j] * w[j] }
    return sum
  }

  /// The lower bound on the optimum that z proves, −max_j ((Eᵀz)_j − κ_j), after z is put into its box. Cost: O(N·p).
  package func bound(_ z: [Double], threads: Int) -> Double { -prices(z, threads: threads).max()! }

  /// (Eᵀz)_j − κ_j, z first put into its box.
  func prices(_ z: [Double], threads: Int) -> [Double] {
    precondition(z.count == terms)
    let g = sums(width: models, threads: threads) { range, errors, sums in
      withUnsafeTemporaryAllocation(of: Double.self, capacity: range.count) { buffer in
        for (k, r) in range.enumerated() { buffer[k] = min(max(z[r], -low[r]), high[r]) }
        for j in 0..<models {
          sums[j] += dot(errors + j * SimplexPinballProgram.blockTerms, buffer.baseAddress!, range.count)
        }
      }
    }
    return zip(g, costs).map { $0 - $1 }
  }

  /// Σ_j d_j e_rj for the terms of one block.
  @inline(__always)
  func combine(_ errors: UnsafePointer<Double>, _ d: [Double], _ count: Int, into result: UnsafeMutablePointer<Double>) {
    for k in 0..<count { result[k] = 0 }
    for j in 0..<models where d[j] != 0 {
      let column = errors + j * SimplexPinballProgram.blockTerms
      let factor = d[j]
      for k in 0..<count { result[k] += factor * column[k] }
    }
  }
}

/// Σ a_k b_k in four interleaved sums, which the compiler may keep in vector registers.
@inline(__always)
func dot(_ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>, _ count: Int) -> Double {
  var s0 = 0.0, s1 = 0.0, s2 = 0.0, s3 = 0.0
  var k = 0
  while k + 4 <= count {
    s0 += a[k] * b[k]
    s1 += a[k + 1] * b[k + 1]
    s2 += a[k + 2] * b[k + 2]
    s3 += a[k + 3] * b[k + 3]
    k += 4
  }
  while k < count {
    s0 += a[k] * b[k]
    k += 1
  }
  return (s0 + s1) + (s2 + s3)
}

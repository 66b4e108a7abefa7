import LinearAlgebra

/// Where the interior point stands in the terms of one programme, and its steps there: residuals u − v and box slacks x and y.
///
/// Parts, and blocks of terms of a part, are stepped side by side; each touches its own places only.
final class SimplexPinballPoint: @unchecked Sendable {
  /// The normal equations: EᵀDE, EᵀD(u − v), Eᵀz, the objective, and Σ uy + vx.
  struct Normals {
    let gram: [Double]
    let right: [Double]
    let gradient: [Double]
    let objective: Double
    let complementarity: Double
  }

  /// The affine step: the right-hand side of the corrector in two parts, without μ and for each unit of μ, how complementarity changes
  /// along the step (bilinear in the two step lengths), and the largest shares of what is left that it would use up.
  struct Prediction {
    let right: [Double]
    let rightPerMu: [Double]
    let primalChange: Double
    let dualChange: Double
    let bothChange: Double
    let ratios: (primal: Double, dual: Double)
  }

  private let program: SimplexPinballProgram
  private let u, v, x, y, du, dv, dz, t, r: UnsafeMutablePointer<Double>

  init(_ program: SimplexPinballProgram) {
    self.program = program
    func vector() -> UnsafeMutablePointer<Double> {
      let pointer = UnsafeMutablePointer<Double>.allocate(capacity: program.terms)
      pointer.initialize(repeating: 0, count: program.terms)
      return pointer
    }
    (u, v, x, y, du, dv, dz, t, r) = (vector(), vector(), vector(), vector(), vector(), vector(), vector(), vector(), vector())
  }

  deinit { for pointer in [u, v, x, y, du, dv, dz, t, r] { pointer.deallocate() } }

  /// A feasible z.
  var multipliers: [Double] {
    (0..<program.terms).map { x[$0] < y[$0] ? x[$0] - program.low[$0] : program.high[$0] - y[$0] }
  }

  /// Takes the residuals at weights w apart, from which the path starts.
  func start(_ w: [Double], _ threads: Int) {
    let total = program.sums(width: 1, threads: threads) { [program] range, errors, sum in
      program.combine(errors, w, range.count, into: self.r + range.lowerBound)
      for r in range { sum[0] += abs(self.r[r]) }
    }[0]
    let margin = max(total / Double(program.terms), 1e-12)
    for k in 0..<program.terms {
      let residual = -r[k]
      u[k] = max(residual, 0) + margin
      v[k] = max(-residual, 0) + margin
      x[k] = program.low[k]
      y[k] = program.high[k]
    }
  }

  /// Takes the step that `correct` left behind, then forms the normal equations there.
  func advance(_ w: [Double], primalStep: Double, dualStep: Double, _ threads: Int) -> Normals {
    let p = program.models
    let stride = SimplexPinballProgram.blockTerms
    let total = program.sums(width: p * p + 2 * p + 2, threads: threads) { [program] range, errors, sums in
      program.high.withUnsafeBufferPointer { high in
        program.low.withUnsafeBufferPointer { low in
          withUnsafeTemporaryAllocation(of: Double.self, capacity: (p + 3) * stride) { buffer in
            let scaled = buffer.baseAddress!
            let root = scaled + p * stride
            let right = root + stride
            let z = right + stride
            let first = range.lowerBound
            let (u, v, x, y) = (self.u + first, self.v + first, self.x + first, self.y + first)
            let (du, dv, dz, residual) = (self.du + first, self.dv + first, self.dz + first, self.r + first)
            program.combine(errors, w, range.count, into: residual)
            var objective = 0.0
            var complementarity = 0.0
            for k in 0..<range.count {
              u[k] += primalStep * du[k]
              v[k] += primalStep * dv[k]
              x[k] += dualStep * dz[k]
              y[k] -= dualStep * dz[k]
              let e = -residual[k]
              // Where both are near zero their difference has digits that −Ew lost, and D magnifies what is lost.
              residual[k] = u[k] - v[k]
              let (h, l) = (high[first + k], low[first + k])
              objective += e > 0 ? h * e : -l * e
              complementarity += u[k] * y[k] + v[k] * x[k]
              z[k] = x[k] < y[k] ? x[k] - l : h - y[k]
              let d = 1 / (u[k] / y[k] + v[k] / x[k])
              root[k] = d.squareRoot()
              right[k] = d * residual[k]
            }
            for j in 0..<p {
              let column = errors + j * stride
              let target = scaled + j * stride
              for k in 0..<range.count { target[k] = column[k] * root[k] }
              sums[p * p + j] += dot(column, right, range.count)
              sums[p * p + p + j] += dot(column, z, range.count)
            }
            addGram(of: scaled, rows: p, columns: range.count, stride: stride, to: sums)
            sums[p * p + 2 * p] += objective
            sums[p * p + 2 * p + 1] += complementarity
          }
        }
      }
    }
    return Normals(
      gram: Array(total[..<(p * p)]), right: Array(total[(p * p)..<(p * p + p)]), gradient: Array(total[(p * p + p)..<(p * p + 2 * p)]),
      objective: total[p * p + 2 * p], complementarity: total[p * p + 2 * p + 1])
  }

  /// The affine step for a step dw of the weights. Leaves du·dy and dv·dx behind.
  func predict(_ dw: [Double], _ threads: Int) -> Prediction {
    let p = program.models
    let stride = SimplexPinballProgram.blockTerms
    let parts = program.partials(width: 2 * p + 5, threads: threads) { [program] range, errors, sums in
      withUnsafeTemporaryAllocation(of: Double.self, capacity: 2 * stride) { buffer in
        let right = buffer.baseAddress!
        let perMu = right + stride
        let first = range.lowerBound
        let (u, v, x, y) = (self.u + first, self.v + first, self.x + first, self.y + first)
        let (du, dv, t, residual) = (self.du + first, self.dv + first, self.t + first, self.r + first)
        program.combine(errors, dw, range.count, into: t)
        var (primalChange, dualChange, bothChange, primalRatio, dualRatio) = (0.0, 0.0, 0.0, 0.0, 0.0)
        for k in 0..<range.count {
          let inverseX = 1 / x[k]
          let inverseY = 1 / y[k]
          let a = u[k] * inverseY
          let b = v[k] * inverseX
          let d = 1 / (a + b)
          let z = d * (residual[k] - t[k])
          let up = a * z - u[k]
          let down = -b * z - v[k]
          primalChange += up * y[k] + down * x[k]
          dualChange += (v[k] - u[k]) * z
          bothChange += (down - up) * z
          primalRatio = max(primalRatio, -up / u[k], -down / v[k])
          dualRatio = max(dualRatio, -z * inverseX, z * inverseY)
          du[k] = up * z
          dv[k] = down * z
          right[k] = d * (residual[k] - up * z * inverseY - down * z * inverseX)
          perMu[k] = d * (inverseX - inverseY)
        }
        for j in 0..<p {
          sums[j] += dot(errors + j * stride, right, range.count)
          sums[p + j] += dot(errors + j * stride, perMu, range.count)
        }
        sums[2 * p] += primalChange
        sums[2 * p + 1] += dualChange
        sums[2 * p + 2] += bothChange
        sums[2 * p + 3] = max(sums[2 * p + 3], primalRatio)
        sums[2 * p + 4] = max(sums[2 * p + 4], dualRatio)
      }
    }
    func total(_ k: Int) -> Double { parts.reduce(0) { $0 + $1[k] } }
    return Prediction(
      right: (0..<p).map(total), rightPerMu: (p..<(2 * p)).map(total), primalChange: total(2 * p), dualChange: total(2 * p + 1),
      bothChange: total(2 * p + 2), ratios: (parts.reduce(0) { max($0, $1[2 * p + 3]) }, parts.reduce(0) { max($0, $1[2 * p + 4]) }))
  }

  /// The corrected step of every term, left in du, dv and dz, and how far it may go.
  func correct(_ dw: [Double], mu: Double, _ threads: Int) -> (primal: Double, dual: Double) {
    let parts = program.partials(width: 2, threads: threads) { [program] range, errors, sums in
      let first = range.lowerBound
      let (u, v, x, y) = (self.u + first, self.v + first, self.x + first, self.y + first)
      let (du, dv, dz) = (self.du + first, self.dv + first, self.dz + first)
      let (t, residual) = (self.t + first, self.r + first)
      program.combine(errors, dw, range.count, into: t)
      var primalRatio = 0.0
      var dualRatio = 0.0
      for k in 0..<range.count {
        let inverseX = 1 / x[k]
        let inverseY = 1 / y[k]
        let a = u[k] * inverseY
        let b = v[k] * inverseX
        let above = (mu + du[k]) * inverseY
        let below = (mu - dv[k]) * inverseX
        let z = (residual[k] - t[k] - above + below) / (a + b)
        let up = above - u[k] + a * z
        let down = below - v[k] - b * z
        du[k] = up
        dv[k] = down
        dz[k] = z
        primalRatio = max(primalRatio, -up / u[k], -down / v[k])
        dualRatio = max(dualRatio, -z * inverseX, z * inverseY)
      }
      sums[0] = max(sums[0], primalRatio)
      sums[1] = max(sums[1], dualRatio)
    }
    return (parts.reduce(0) { max($0, $1[0]) }, parts.reduce(0) { max($0, $1[1]) })
  }
}

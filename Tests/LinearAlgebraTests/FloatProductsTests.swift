import Glibc
import Groundwork
import LinearAlgebra
import Networks
import Testing

/// The kernel bit by bit against sums in the order of the inner index, fused, at sizes that fill tiles and that do not.
@Suite struct FloatProductsTests {
  private func random(_ count: Int, _ stream: inout RandomStream) -> [Float] { (0..<count).map { _ in Float(2 * stream.uniform() - 1) } }

  @Test(arguments: [(1, 1, 1), (1, 300, 5), (3, 7, 16), (8, 10, 32), (11, 0, 17), (13, 129, 47), (64, 33, 99), (5, 257, 128)])
  func everyElementIsAFusedSumInOneOrder(_ rows: Int, _ inner: Int, _ columns: Int) {
    var stream = RandomStream(seed: 1)
    // Gaps between rows, which must stay as they are.
    let (aStride, bStride, cStride) = (inner + 2, columns + 1, columns + 3)
    let a = random(rows * aStride + inner, &stream)
    let b = random(inner * bStride + columns, &stream)
    let before = random(rows * cStride, &stream)
    func plain(adding: Bool, _ left: (Int, Int) -> Float) -> [Float] {
      var c = before
      for i in 0..<rows {
        for j in 0..<columns {
          var sum = adding ? c[i * cStride + j] : 0
          for k in 0..<inner { sum = fmaf(left(i, k), b[k * bStride + j], sum) }
          c[i * cStride + j] = sum
        }
      }
      return c
    }
    for adding in [false, true] {
      var c = before
      FloatProducts.multiply(
        a, stride: aStride, b, stride: bStride, into: &c, stride: cStride, rows: rows, inner: inner, columns: columns, adding: adding)
      #expect(c == plain(adding: adding) { a[$0 * aStride + $1] })
    }
    let transposed = random(max(inner, 1) * (rows + 1), &stream)
    var c = before
    FloatProducts.multiplyTransposed(
      transposed, stride: rows + 1, b, stride: bStride, into: &c, stride: cStride, rows: rows, inner: inner, columns: columns)
    #expect(c == plain(adding: false) { transposed[$1 * (rows + 1) + $0] })
  }

  @Test(arguments: [(1, 1), (3, 40), (16, 16), (33, 17)]) func transposingExchangesRowsAndColumns(_ rows: Int, _ columns: Int) {
    var stream = RandomStream(seed: 2)
    let a = random(rows * columns, &stream)
    var result = [Float](repeating: 0, count: rows * columns)
    FloatProducts.transpose(a, rows: rows, columns: columns, into: &result)
    #expect((0..<rows).allSatisfy { i in (0..<columns).allSatisfy { result[$0 * rows + i] == a[i * columns + $0] } })
  }

  /// What a streaming tool relies on: where a row stands in a batch does not show in its answer.
  @Test func aNetworksAnswerOfARowIsTheSameAtEveryPlace() {
    let network = DenseNetwork(shape: NetworkShape(inputs: 5, hidden: [37, 21], outputs: 19), capacity: 64)
    var stream = RandomStream(seed: 3)
    network.initialise(&stream)
    network.parameterValues = network.parameterValues.map { $0 + Float(stream.uniform() - 0.5) }
    let row = random(5, &stream)
    for k in 0..<64 * 5 { network.input[k] = row[k % 5] }
    network.forward(rows: 64)
    let first = (0..<19).map { network.output[$0] }
    for i in 1..<64 { #expect((0..<19).map { network.output[i * 19 + $0] } == first) }
    network.forward(rows: 3)
    #expect((0..<19).map { network.output[2 * 19 + $0] } == first)
  }
}

import Groundwork
import Quantiles
import Testing

/// A sum as a count for each bit from 2⁻¹⁰⁷⁴ up: plain, slow, exact.
private struct BitCounts {
  private var counts = [Int](repeating: 0, count: 2300)

  mutating func add(_ value: Double, times: Int = 1) {
    if value == 0 { return }
    let position = value.isNormal ? Int(value.exponentBitPattern) - 1 : 0
    let significand = value.significandBitPattern | (value.isNormal ? 1 << 52 : 0)
    for bit in 0..<53 where significand >> bit & 1 == 1 { counts[position + bit] += value < 0 ? -times : times }
  }

  /// Sign, and the bits of the magnitude from 2⁻¹⁰⁷⁴ up.
  var bits: (isNegative: Bool, bits: [Int]) {
    func carried(_ sign: Int) -> (rest: Int, bits: [Int]) {
      var carry = 0
      let bits = counts.map { count in
        let value = sign * count + carry
        carry = value >> 1
        return value & 1
      }
      return (carry, bits)
    }
    let positive = carried(1)
    return positive.rest < 0 ? (true, carried(-1).bits) : (false, positive.bits)
  }

  /// Hexadecimal odd integer times a power of two.
  var text: String {
    let (isNegative, bits) = bits
    guard let first = bits.firstIndex(of: 1) else { return "0x0p0" }
    var digits = stride(from: first, to: bits.count, by: 4).map { start in
      String((0..<4).reduce(0) { $0 + (start + $1 < bits.count ? bits[start + $1] << $1 : 0) }, radix: 16)
    }
    while digits.last == "0" { digits.removeLast() }
    return "\(isNegative ? "-" : "")0x\(digits.reversed().joined())p\(first - 1074)"
  }
}

@Suite struct ExactSumTests {
  private let smallest = Double.leastNonzeroMagnitude

  /// Doubles over `range` of exponents, both signs, some subnormal, some zero, some that cancel others.
  private func randomValues(_ count: Int, exponents range: ClosedRange<Int>, _ random: inout RandomStream) -> [Double] {
    var values: [Double] = []
    while values.count < count {
      let field = range.lowerBound + random.below(range.count)
      let value = Double(bitPattern: UInt64(field) << 52 | random.next() >> 12)
      values.append(random.below(2) == 0 ? value : -value)
      if random.below(4) == 0 { values.append(-values[random.below(values.count)]) }
    }
    return values
  }

  private func sum(_ values: [Double]) -> ExactSum {
    var sum = ExactSum()
    for value in values { sum.add(value) }
    return sum
  }

  @Test(arguments: [0...2046, 0...3, 1000...1060, 2040...2046, 1023...1023])
  func agreesWithBigIntegers(_ exponents: ClosedRange<Int>) {
    var random = RandomStream(seed: 11)
    for count in [1, 2, 3, 7, 40, 400, 20_000] {
      let values = randomValues(count, exponents: exponents, &random)
      var plain = BitCounts()
      for value in values { plain.add(value) }
      #expect(sum(values).text == plain.text)
    }
  }

  /// Twice the distance to the rounded value is at most one unit in its last place, exactly; on a tie its last bit is 0.
  @Test(arguments: [0...2046, 0...3, 0...60, 1000...1060])
  func roundsToTheNearestDouble(_ exponents: ClosedRange<Int>) {
    var random = RandomStream(seed: 12)
    for count in (1...60).map({ 1 + $0 % 12 }) {
      let values = randomValues(count, exponents: exponents, &random)
      let rounded = sum(values).rounded
      guard rounded.isFinite else { continue }
      var error = BitCounts()
      for value in values { error.add(value, times: 2) }
      error.add(rounded, times: -2)
      if error.bits.bits.allSatisfy({ $0 == 0 }) { continue }
      // Below a power of two the neighbour is nearer than above it.
      let up = error.bits.isNegative == (rounded < 0)
      let step = up ? rounded.magnitude.nextUp - rounded.magnitude : rounded.magnitude - rounded.magnitude.nextDown
      var slack = error
      slack.add(step, times: error.bits.isNegative ? 1 : -1)
      let isTie = slack.bits.bits.allSatisfy { $0 == 0 }
      #expect(isTie ? rounded.bitPattern & 1 == 0 : slack.bits.isNegative != error.bits.isNegative)
    }
  }

  /// python3 -c 'from math import fsum; print(fsum([.1]*10), fsum([1e308,1,-1e308]), fsum([1e16,1,1e-16]),
  ///   fsum([1e16,1]), fsum([2**53,1,-2**-60]), fsum([5e-324]*3), fsum([1e-308,-9e-309]))'
  @Test func agreesWithKnownSums() {
    #expect(sum([Double](repeating: 0.1, count: 10)).rounded == 1.0)
    #expect(sum([1e308, 1, -1e308]).rounded == 1.0)
    #expect(sum([1e16, 1, 1e-16]).rounded == 1.0000000000000002e+16)
    #expect(sum([1e16, 1]).rounded == 1e16)
    #expect(sum([0x1p53, 1, -0x1p-60]).rounded == 9007199254740992)
    #expect(sum([smallest, smallest, smallest]).rounded == 3 * smallest)
    #expect(sum([1e-308, Double("-9e-309")!]).rounded == Double("9.99999999999997e-310")!)
  }

  @Test func sumsBeyondTheRangeRoundAndComeBack() {
    let big = Double.greatestFiniteMagnitude
    #expect(sum([big, big]).rounded == .infinity)
    #expect(sum([-big, -big]).rounded == -.infinity)
    #expect(sum([big, big, -big]).rounded == big)
    // Half a unit in the last place above the largest double is the first value that rounds to infinity.
    #expect(sum([big, 0x1p970]).rounded == .infinity)
    #expect(sum([big, 0x1p970, -smallest]).rounded == big)
  }

  @Test func anyOrderAndSplitGivesTheSameText() {
    var random = RandomStream(seed: 13)
    var values = randomValues(4000, exponents: 0...2046, &random)
    let whole = sum(values)
    for parts in [1, 2, 5, 100] {
      random.shuffle(&values)
      var partial = (0..<parts).map { _ in ExactSum() }
      for value in values { partial[random.below(parts)].add(value) }
      var total = ExactSum()
      for part in partial { total.add(ExactSum(part.text)!) }
      #expect(total.text == whole.text)
      #expect(total == whole)
      #expect(total.rounded.bitPattern == whole.rounded.bitPattern)
    }
  }

  /// Carries have to keep up with many additions into the same bits, of either sign and alternating.
  @Test func manyLikeAdditionsDoNotOverflow() {
    for (a, b) in [(1.9999999999999998, 1.9999999999999998), (-1.9999999999999998, -1.9999999999999998), (0x1.fffffffffffffp31, -0x1p-20)] {
      var exact = ExactSum()
      for _ in 0..<500_000 {
        exact.add(a)
        exact.add(b)
      }
      var plain = BitCounts()
      plain.add(a, times: 500_000)
      plain.add(b, times: 500_000)
      #expect(exact.text == plain.text)
    }
    // Doubling by merging passes any number of additions.
    var exact = ExactSum(1.5)
    for _ in 0..<60 { exact.add(exact) }
    #expect(exact.text == "0x3p59")
  }

  @Test func infinitiesAndNaNAddAsInIEEE() {
    #expect(sum([1, .infinity]).rounded == .infinity)
    #expect(sum([1, -.infinity, 1e308]).rounded == -.infinity)
    #expect(sum([.infinity, -.infinity]).rounded.isNaN)
    #expect(sum([.nan, .infinity]).rounded.isNaN)
    #expect(sum([.infinity]).text == "inf" && sum([-.infinity]).text == "-inf" && sum([.nan]).text == "nan")
    #expect(sum([]).rounded == 0 && sum([-0.0]).rounded.sign == .plus)
    var merged = ExactSum("inf")!
    merged.add(ExactSum("-inf")!)
    #expect(merged.text == "nan")
  }

  @Test func textIsCanonicalAndReadsBack() {
    #expect(sum([]).text == "0x0p0")
    #expect(sum([3.375]).text == "0x1bp-3")
    #expect(sum([-16]).text == "-0x1p4")
    #expect(sum([smallest]).text == "0x1p-1074")
    #expect(sum([1e308, 1e-300, -1e308]).text == sum([1e-300]).text)
    var random = RandomStream(seed: 14)
    for exponents in [0...2046, 0...3, 900...1100] {
      for _ in 0..<100 {
        let text = sum(randomValues(1 + random.below(50), exponents: exponents, &random)).text
        #expect(ExactSum(text)?.text == text)
        #expect(text.utf8.count <= 560)
      }
    }
  }

  @Test(arguments: [
    "", "0", "-", "0x", "p", "0xp0", "0x1", "0x1p", "0x1p+3", "0x1p03", "0x1p-0", "0x2p0", "0x01p0", "-0x0p0", "0x0p1", "0x1p-2149", "0x1p2112",
    "0x3p2111", "0xAp1", "0x1Bp0", "0x1p0 ", " 0x1p0", "+0x1p0", "--0x1p0", "0x1p99999999999999999999", "Inf", "+inf", "NaN", "-nan", "1.5",
    "0x1.8p0",
    "0x1p0\n", "0x1p٣",
  ])
  func otherTextIsRefused(_ text: String) {
    #expect(ExactSum(text) == nil)
  }

  @Test func longTextIsRefused() {
    #expect(ExactSum("0x" + String(repeating: "1", count: 100_000) + "p0") == nil)
    #expect(ExactSum("0x1" + String(repeating: "0", count: 1066) + "1p-2148") == nil)
  }

  /// A product counts as if doubles had no bounds: factors of powers of two, and their inverses, change no digit.
  @Test func productsOfAnySizeKeepTheirDigits() {
    var random = RandomStream(seed: 15)
    let values = (0..<300).map { _ in (random.uniform() - 0.3) * 3 }
    let weights = (0..<300).map { _ in random.uniform() + 0.01 }
    func sums(_ weightUnit: Double, _ valueUnit: Double) -> (products: ExactSum, weights: ExactSum) {
      var (products, total) = (ExactSum(), ExactSum())
      for (weight, value) in zip(weights, values) {
        products.add(product: weight * weightUnit, value * valueUnit)
        total.add(weight * weightUnit)
      }
      return (products, total)
    }
    let plain = sums(1, 1)
    var rounded = ExactSum()
    for (weight, value) in zip(weights, values) { rounded.add(weight * value) }
    #expect(plain.products == rounded)
    let mean = plain.products.rounded / plain.weights.rounded
    #expect(plain.products.divided(by: plain.weights) == mean)
    for exponent in [-1000, -960, -500, 3, 500, 1000, 1023] {
      let unit = Double(sign: .plus, exponent: exponent, significand: 1)
      let scaled = sums(unit, 1)
      #expect(scaled.products.divided(by: scaled.weights) == mean)
      let both = sums(unit, 0x1p-900)
      #expect(both.products.divided(by: both.weights) == mean * 0x1p-900)
      #expect(ExactSum(both.products.text) == both.products && both.products.text.utf8.count <= 1080)
      #expect(scaled.products.rounded(timesTwoTo: -exponent) == plain.products.rounded)
    }
  }

  @Test func productsBeyondTheDoublesAddUp() {
    let big = Double.greatestFiniteMagnitude
    var sum = ExactSum()
    for (a, b) in [(big, big), (1e308, -1e308), (smallest, smallest), (-big, big), (1e308, 1e308), (-2, 0x1p-1074)] { sum.add(product: a, b) }
    sum.add(0x1p-1073)
    #expect(sum.text == "0x1p-2148" && sum.rounded == 0 && sum.exponent == -2148)
    for (a, b) in [(0.0, big), (-0.0, 1), (big, 0)] { sum.add(product: a, b) }
    #expect(ExactSum("0x1p-2148") == sum && ExactSum("0x1p2111") != nil)
    sum.add(product: 2, .infinity)
    #expect(sum.rounded == .infinity && !sum.isFinite)
    var other = ExactSum()
    other.add(product: 1, .nan)
    #expect(other.rounded.isNaN)
  }

  @Test func quotientsOfSumsBeyondTheDoubles() {
    let big = Double.greatestFiniteMagnitude
    #expect(sum([big, big, big]).divided(by: sum([big, big])) == 1.5)
    #expect(sum([smallest]).divided(by: sum([smallest, smallest])) == 0.5)
    #expect(sum([smallest, smallest]).divided(by: sum([2])) == smallest)
    #expect(sum([big, big]).divided(by: sum([2])) == big)
    #expect(sum([]).divided(by: sum([big, big])) == 0 && sum([]).divided(by: sum([])).isNaN)
    #expect(sum([.infinity]).divided(by: sum([big, big])) == .infinity && sum([.nan]).divided(by: sum([3])).isNaN)
  }
}

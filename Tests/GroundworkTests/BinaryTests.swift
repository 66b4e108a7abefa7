import Groundwork
import Testing

@Suite struct BinaryTests {
  @Test func writtenValuesReadBack() throws {
    var writer = ByteWriter()
    writer.write(-7)
    writer.write(Double.pi)
    writer.write("żółw")
    writer.write(["a", ""])
    writer.write([Float(1), 2])
    writer.write(true)
    var reader = ByteReader(writer.bytes)
    #expect(try reader.readInt() == -7)
    #expect(try reader.readDouble() == .pi)
    #expect(try reader.readString() == "żółw")
    #expect(try reader.readStrings() == ["a", ""])
    #expect(try reader.readArray(of: Float.self) == [1, 2])
    #expect(try reader.readBool())
    #expect(reader.isAtEnd)
  }

  @Test func everyTruncationIsAFailure() {
    var writer = ByteWriter()
    writer.write([1.0, 2.0, 3.0])
    writer.write("text")
    for length in 0..<writer.bytes.count {
      var reader = ByteReader(Array(writer.bytes[..<length]))
      #expect(throws: Failure.self) {
        _ = try reader.readArray(of: Double.self)
        _ = try reader.readString()
      }
    }
  }
}

@Suite struct RandomStreamTests {
  /// First outputs of xoshiro256** never repeat across streams, and the same seed repeats exactly.
  @Test func streamsAreReproducibleAndDistinct() {
    func draw(_ seed: UInt64, _ stream: UInt64) -> [UInt64] {
      var random = RandomStream(seed: seed, stream: stream)
      return (0..<8).map { _ in random.next() }
    }
    #expect(draw(1, 0) == draw(1, 0))
    #expect(draw(1, 0) != draw(1, 1))
    #expect(draw(1, 0) != draw(2, 0))
  }

  @Test func belowIsUniform() {
    var random = RandomStream(seed: 3)
    var counts = [Int](repeating: 0, count: 6)
    for _ in 0..<60_000 { counts[random.below(6)] += 1 }
    // χ² with 5 degrees of freedom: 20.5 is the 0.1 % point.
    let chiSquared = counts.map { Double(($0 - 10_000) * ($0 - 10_000)) / 10_000 }.reduce(0, +)
    #expect(chiSquared < 20.5)
  }
}

@Suite struct ParallelTests {
  @Test func theLowestFailureIsThrown() {
    for threads in [1, 2, 8] {
      #expect(throws: Failure(.internal, "3")) {
        try parallelFor(1000, threads: threads) { i in if i >= 3 { throw Failure(.internal, "\(i)") } }
      }
    }
  }

  @Test func everyIndexIsDoneOnce() throws {
    #expect(try parallelMap(1000, threads: 4) { $0 * $0 } == (0..<1000).map { $0 * $0 })
  }
}

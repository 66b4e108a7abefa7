import Glibc
import Groundwork

/// How often decoders are tried with damaged bytes: the usual number, or `FUZZ_TRIALS` times it with the seed `FUZZ_SEED`, as scripts/fuzz asks.
package enum DamageTrials {
  private static func setting(_ name: String) -> Int? { getenv(name).flatMap { Int(String(cString: $0)) } }

  /// `usual` trials of `what`, more where the environment asks. The number is printed then, for who counts them.
  package static func count(_ usual: Int, of what: String = #fileID) -> Int {
    guard let times = setting("FUZZ_TRIALS") else { return usual }
    print("\(usual * times) trials of decoders in \(what)")
    return usual * times
  }

  /// The numbers that say what is damaged.
  package static func random(seed: UInt64) -> RandomStream { RandomStream(seed: seed &+ UInt64(setting("FUZZ_SEED") ?? 0) << 20) }

  /// The bytes with one to four of them changed, or eight in a row made a number that sizes and counts are afraid of.
  package static func damaged(_ bytes: [UInt8], _ random: inout RandomStream) -> [UInt8] {
    var bytes = bytes
    if bytes.count >= 8, random.below(4) == 0 {
      let hostile: [UInt64] = [
        0, 1, 2, 1 << 31, 1 << 32, 1 << 53, 1 << 62, UInt64(Int64.max), 1 << 63, .max, 0x7FF0_0000_0000_0000, 0x7FF8_0000_0000_0000,
      ]
      let value = hostile[random.below(hostile.count)]
      let place = random.below(bytes.count / 8) * 8
      for k in 0..<8 where place + k < bytes.count { bytes[place + k] = UInt8(truncatingIfNeeded: value >> (8 * k)) }
    } else {
      for _ in 0...random.below(3) { bytes[random.below(bytes.count)] = UInt8(truncatingIfNeeded: random.next()) }
    }
    return bytes
  }
}

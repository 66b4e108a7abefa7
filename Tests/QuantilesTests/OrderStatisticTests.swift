import Groundwork
import Quantiles
import Testing

@Suite struct OrderStatisticTests {
  @Test func itIsTheElementOfTheSortedNumbers() {
    var random = RandomStream(seed: 1)
    for trial in 0..<300 {
      let count = 1 + random.below(50)
      let values = (0..<count).map { _ in trial % 2 == 0 ? random.uniform() : Double(random.below(5)) }
      let rank = random.below(count)
      var copy = values
      #expect(orderStatistic(rank, of: &copy) == values.sorted()[rank])
      #expect(copy.sorted() == values.sorted())
    }
  }
}

import Groundwork
import Testing

@Suite struct ListingTests {
  @Test func aListOfManyNamesHoldsTheFirstAndACount() {
    let names = (1...40).map { "m\($0)" }
    #expect(Listing()(Array(names.prefix(4))) == "m1, m2, m3, m4")
    #expect(Listing()(names) == "m1, m2, m3 and 37 more")
    #expect(Listing(all: true)(names) == names.joined(separator: ", "))
  }

  @Test func messagesThatDifferInNumbersAndNamesHaveOneGist() {
    let gist = Listing.gist(of: "7 training rows lack predictions (of a, b): weights were learnt on 71")
    #expect(gist == Listing.gist(of: "12 training rows lack predictions (of c (d)): weights were learnt on 66"))
    #expect(gist != Listing.gist(of: "weight zero for models that predict no training row: a"))
  }
}

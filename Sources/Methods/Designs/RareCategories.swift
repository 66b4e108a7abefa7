/// Fewer rows of a category than this tell little but their own targets: trees give such categories no code of their own, and other learners no
/// column where a feature has too many categories for a column each.
package let leastCategoryRows = 4

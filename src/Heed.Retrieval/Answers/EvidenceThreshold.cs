namespace Heed.Retrieval;

/// <summary>
/// From which evidence on a question counts as answerable by an index's documents. It is measured on them: up to 200 questions of six words
/// that do not belong together, each word of another part of the index, are asked; the threshold is what one of twenty of them reaches.
/// Beside it, as many questions of six words of one part tell how many it keeps.
/// </summary>
/// <param name="Of">Which score: <see cref="SearchMode.Vectors"/>, the best similarity; <see cref="SearchMode.Words"/>, the best BM25 score
/// over the greatest that the question's words could give.</param>
/// <param name="Threshold">Evidence of a question that counts as answerable: more than this.</param>
/// <param name="Kept">Share of the questions of one part's words that exceed it.</param>
/// <param name="LetThrough">Share of the questions of words that do not belong together that exceed it.</param>
/// <param name="Questions">How many questions of each kind were asked.</param>
public sealed record EvidenceThreshold(SearchMode Of, double Threshold, double Kept, double LetThrough, int Questions);

namespace Heed.Retrieval;

/// <summary>
/// From which evidence on a question counts as answerable by an index's documents. It is measured on them: of up to 400 parts a sentence
/// is the question, asked once with the rest of its part and once without its document. The threshold loses as large a share of the first
/// as it lets through of the second (equal error rate).
/// </summary>
/// <param name="Of">Which score: <see cref="SearchMode.Vectors"/>, the best similarity; <see cref="SearchMode.Words"/>, the best BM25 score
/// over the greatest that the question's words could give.</param>
/// <param name="Threshold">Evidence of a question that counts as answerable: more than this.</param>
/// <param name="Kept">Share of the questions that exceed it with their part.</param>
/// <param name="LetThrough">Share of the questions that exceed it without their document.</param>
/// <param name="Questions">How many questions there were: those that their own part answers best.</param>
public sealed record EvidenceThreshold(SearchMode Of, double Threshold, double Kept, double LetThrough, int Questions);

namespace Heed.Retrieval;

/// <summary>
/// From which evidence on a question counts as answerable by an index's documents. It is measured on them: up to 200 parts each give a
/// question of six of their own words; its best score with its own document, and with that document left out, are two samples: evidence
/// where the answer is there, and where it is not. The threshold separates them best (greatest
/// share kept − share let through); of several such it is the least, as questions of people share fewer words with their answer.
/// </summary>
/// <param name="Of">Which score: <see cref="SearchMode.Vectors"/>, the best similarity; <see cref="SearchMode.Words"/>, the best BM25 score
/// over the greatest that the question's words could give.</param>
/// <param name="Threshold">Evidence of a question that counts as answerable: at least this.</param>
/// <param name="Kept">Share of the questions whose answer is there that reach it.</param>
/// <param name="LetThrough">Share of those whose answer is not there that reach it too.</param>
/// <param name="Questions">How many questions were asked.</param>
public sealed record EvidenceThreshold(SearchMode Of, double Threshold, double Kept, double LetThrough, int Questions);

namespace Heed.Generation;

/// <summary>A class that a text may have.</summary>
/// <param name="Label">Its name, <c>LABEL_0</c> … where the folder gives none.</param>
/// <param name="Score">Its probability; the number itself where the model does regression.</param>
public readonly record struct Prediction(string Label, float Score);

/// <summary>A token that may replace a mask.</summary>
/// <param name="Mask">Number of the mask in the text, from 0.</param>
/// <param name="Token">The token's text, with the space that belongs to it and the mark of a piece (<c>##s</c>).</param>
/// <param name="Id">Its id.</param>
/// <param name="Probability">Its probability among all tokens.</param>
/// <param name="Text">The whole text with the mask filled; other masks and special tokens are left out of a text with one mask and
/// shown in a text with several.</param>
public readonly record struct Filling(int Mask, string Token, int Id, float Probability, string Text);

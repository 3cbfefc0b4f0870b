using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Generation;
using Heed.Lab.Support;
using Heed.Models;
using Heed.Models.Embeddings;
using Heed.Tokenizers;

namespace Heed.Lab.Language;

/// <summary>47: the vector of a word depends on its context.</summary>
internal sealed class ContextualVectors : Experiment
{
    private static readonly string[] Money =
    [
        "She opened an account at the bank.", "The bank refused the loan.", "He works for a bank in London.",
            "The bank raised its interest rates.",
        "They robbed a bank last night.", "My bank charges a monthly fee.", "The central bank printed more money.",
            "A bank must hold enough capital.",
        "I paid the cheque into the bank.", "The bank closed two of its branches.", "Her savings are at the bank.",
            "The bank sold its bad debts.",
    ];

    private static readonly string[] River =
    [
        "We sat on the bank of the river.", "The boat was tied to the bank.", "Trees grow along the bank.", "The water rose over the bank.",
        "An otter slept on the muddy bank.", "He swam to the other bank.", "The path follows the left bank of the stream.",
            "Grass covered the steep bank.",
        "They fished from the bank all day.", "The flood washed away the bank.", "Ducks nest in the bank of the canal.",
            "She slipped down the bank into the creek.",
    ];

    private static readonly LabPlot Cosines = new("Mean cosine of two “bank”s", "layer (0: table of tokens)", "cosine");

    public override int Number => 47;

    public override string Name => "contextual-vectors";

    public override string Claim => "A contextual model gives a word another vector in each context; a static embedding cannot.";

    public override string Form => "12 sentences with the bank of money, 12 with the bank of a river, through the model of --model.";

    public override string Measure
        => "Mean cosine of two “bank”s of different and of equal sense, layer by layer; share of variance that the first "
        + "component of the 24 vectors explains, less the same share for 24 other words.";

    public override string Refutation => "A cosine at the last layer near the table's 1.";

    public override string Source
        => "Ethayarajh 2019, arXiv:1909.00512: a static vector explains less than 5 % of the variance in all layers of BERT";

    public override bool IsQuick => true;

    public override bool UsesModel => true;

    public override string Remark
        => "The paper's share comes from thousands of contexts; 24 vectors always leave a larger share to their first component, so "
        + "that number informs only. This was settled after a first run.";

    public override IReadOnlyList<Expectation> Expectations { get; } =
    [
        Expectation.Within("table", "cosine in the table of tokens", 1, 1e-4),
        Expectation.AtMost("last_other", "cosine at the last layer, different senses", 0.7, Bearing.Informs),
        Expectation.AtLeast("gap", "equal less different senses, cosine at the last layer", 0.05),
        Expectation.AtMost("fall", "cosine of different senses, last layer less first", -0.05),
        Expectation.AtMost("falling", "layers at which the cosine of different senses is higher than before", 1, Bearing.Informs),
        Expectation.AtMost("explained", "variance explained by one vector at the last layer, less that of other words", 0.25,
            Bearing.Informs),
    ];

    internal override void Run(LabRun run)
    {
        HeedModel model = run.Model ?? throw LabRun.Skipped("needs a model with a tokenizer: --model FOLDER");
        if (model.Model is SequenceToSequenceModel) throw LabRun.Skipped("the model is an encoder-decoder; an encoder or a decoder was "
            + "expected");
        List<float[]>[] banks = [], others = [];
        foreach (string text in (string[])[.. Money, .. River])
        {
            (float[][] bank, float[][] other) = Vectors(model, text, (int)run.Seed);
            if (banks.Length == 0) (banks, others) = ([.. bank.Select(_ => new List<float[]>())], [.. bank.Select(_ => new List<float[]>(
                ))]);
            for (int layer = 0; layer < bank.Length; layer++)
            {
                banks[layer].Add(bank[layer]);
                others[layer].Add(other[layer]);
            }
        }

        double[] apart = [.. banks.Select(rows => Mean(rows, equal: false))], together = [.. banks.Select(rows => Mean(rows, equal: true))];
        for (int layer = 0; layer < banks.Length; layer++)
        {
            run.Plot(Cosines, "different senses", layer, apart[layer]);
            run.Plot(Cosines, "equal senses", layer, together[layer]);
        }

        run.Set("table", apart[0]);
        run.Set("last_other", apart[^1]);
        run.Set("fall", apart[^1] - apart[1]);
        run.Set("gap", together[^1] - apart[^1]);
        run.Set("falling", Enumerable.Range(1, apart.Length - 1).Count(i => apart[i] > apart[i - 1]));
        run.Set("explained", Explained(banks[^1]) - Explained(others[^1]));
    }

    /// <summary>The rows of “bank” and of another word: of the table, then after each layer.</summary>
    private static (float[][] Bank, float[][] Other) Vectors(HeedModel model, string text, int seed)
    {
        TokenEncoding encoding = model.Tokenizer.Encode(text);
        int place = text.IndexOf("bank", StringComparison.Ordinal), at = Enumerable.Range(0, encoding.Count).FirstOrDefault(
            i => encoding.Starts[i] <= place && encoding.Ends[i] == place + 4, -1);
        if (at < 0) throw LabRun.Skipped("the model's tokenizer has no token that ends with “bank”");
        int[] words = [.. Enumerable.Range(0, encoding.Count).Where(i => i != at && encoding.SpecialTokensMask[i] == 0)];
        int other = words[(seed + place) % words.Length];
        List<float[]> bank = [], rest = [];
        void Add(Tensor x)
        {
            bank.Add(x.Rows(at, 1).ToArray());
            rest.Add(x.Rows(other, 1).ToArray());
        }

        Hooks hooks = new Hooks().Observe("embed.token", (_, x) => Add(x.Value));
        using TensorScope scope = TensorScope.Begin();
        RunOptions options = new() { Hooks = hooks, Details = true };
        ModelOutput output = model.Model.Run(new ModelInputs { InputIds = TokenGrid.Of([[.. encoding.Ids]]) }, options);
        // The first are the rows before the first layer, positions included; the table's stand in for them.
        foreach (Tensor rows in output.HiddenStates.Skip(1)) Add(rows.Reshape(rows.Shape[1], rows.Shape[2]));
        return ([.. bank], [.. rest]);
    }

    private static double Mean(List<float[]> rows, bool equal)
    {
        double sum = 0;
        int count = 0;
        for (int i = 0; i < rows.Count; i++)
        {
            for (int j = 0; j < i; j++)
            {
                if (i < Money.Length == j < Money.Length != equal) continue;
                sum += VectorSimilarity.Cosine.Of(rows[i], rows[j]);
                count++;
            }
        }

        return sum / count;
    }

    private static double Explained(List<float[]> rows)
    {
        double[] values = LabMath.SingularValues([.. rows.Select(r => Array.ConvertAll(r, v => (double)v))]);
        return values[0] * values[0] / values.Sum(v => v * v);
    }
}

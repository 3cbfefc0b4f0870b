using Heed.Engine.Tensors;
using Heed.Models;

namespace Heed.Verification;

/// <summary>The tensors of a run by the names that transformers gives them: the one table between <see cref="ModelOutput"/> and reference
/// files.</summary>
internal static class OutputNames
{
    public static Dictionary<string, Tensor> Of(Model model, ModelOutput output)
    {
        Dictionary<string, Tensor> named = new(StringComparer.Ordinal);
        bool two = model is SequenceToSequenceModel, preTraining = model is MaskedLanguageModel { NextSentence: not null };
        Add(preTraining ? "prediction_logits" : "logits", output.Logits);
        Add("seq_relationship_logits", output.NextSentenceLogits);
        Add("start_logits", output.StartLogits);
        Add("end_logits", output.EndLogits);
        Add("last_hidden_state", output.LastHiddenState);
        Add("pooler_output", output.PoolerOutput);
        Add("encoder_last_hidden_state", output.EncoderLastHiddenState);
        AddAll(two ? "decoder_hidden_states" : "hidden_states", output.HiddenStates);
        AddAll(two ? "decoder_attentions" : "attentions", output.Attentions);
        AddAll("encoder_hidden_states", output.EncoderHiddenStates);
        AddAll("encoder_attentions", output.EncoderAttentions);
        AddAll("cross_attentions", output.CrossAttentions);
        return named;

        void Add(string name, Tensor? tensor)
        {
            if (tensor is not null) named[name] = tensor;
        }

        void AddAll(string name, IReadOnlyList<Tensor> tensors)
        {
            for (int i = 0; i < tensors.Count; i++) named[FormattableString.Invariant($"{name}.{i}")] = tensors[i];
        }
    }
}
